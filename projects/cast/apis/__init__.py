from .inferencer import CASTInferencer, Names, rankings, read_names

__all__ = ['CASTInferencer', 'Names', 'rankings', 'read_names']
