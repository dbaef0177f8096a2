from .exported import ExportedModel
from .metadata import describe, pipeline_at
from .recognizer import Recognizer, open_recognizer
from .scorer import Scorer, at_size
from .writer import WHICH, write

__all__ = [
    'ExportedModel', 'Recognizer', 'Scorer', 'WHICH', 'at_size', 'describe', 'open_recognizer', 'pipeline_at',
    'write'
]
