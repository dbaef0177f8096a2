from .inferencer import CASTInferencer, Names, rankings, read_names
from .timeline import Scores, Timeline

__all__ = ['CASTInferencer', 'Names', 'Scores', 'Timeline', 'rankings', 'read_names']
