from .clips import Clip, read_clips
from .extractor import WHAT, Extractor, record_blocks
from .reading import ClipReader, SlidingReader
from .run import Plan, Step, extract, left, plan
from .store import FORMATS, Store, check_file_names

__all__ = [
    'Clip', 'ClipReader', 'Extractor', 'FORMATS', 'Plan', 'SlidingReader', 'Step', 'Store', 'WHAT',
    'check_file_names', 'extract', 'left', 'plan', 'read_clips', 'record_blocks'
]
