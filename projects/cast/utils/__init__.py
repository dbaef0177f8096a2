from .errors import InputError, MissingFileError, run_tool
from .labels import VERB_NOUN, in_order, labels_by_task, scores_by_task
from .libraries import library
from .video_files import list_videos

__all__ = [
    'InputError', 'MissingFileError', 'VERB_NOUN', 'in_order', 'labels_by_task', 'library', 'list_videos',
    'run_tool', 'scores_by_task'
]
