from .inferencer import CASTInferencer, rankings, read_names

__all__ = ['CASTInferencer', 'rankings', 'read_names']
