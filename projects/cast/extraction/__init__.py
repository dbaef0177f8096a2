from .clips import Clip, read_clips
from .cluster import connect, extract_on_ray
from .extractor import WHAT, Extractor, record_blocks
from .reading import ClipReader, SlidingReader
from .run import Plan, Step, extract, left, plan
from .store import FORMATS, Store, check_file_names

__all__ = [
    'Clip', 'ClipReader', 'Extractor', 'FORMATS', 'Plan', 'SlidingReader', 'Step', 'Store', 'WHAT',
    'check_file_names', 'connect', 'extract', 'extract_on_ray', 'left', 'plan', 'read_clips', 'record_blocks'
]
