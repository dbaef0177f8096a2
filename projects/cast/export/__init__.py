from .exported import ExportedModel
from .metadata import describe, pipeline_at
from .scorer import Scorer, at_size
from .writer import WHICH, write

__all__ = ['ExportedModel', 'Scorer', 'WHICH', 'at_size', 'describe', 'pipeline_at', 'write']
