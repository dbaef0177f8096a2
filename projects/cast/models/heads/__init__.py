from .fused_head import FusedHead
from .multi_task_head import EnsembleHead, MultiTaskHead

__all__ = ['EnsembleHead', 'FusedHead', 'MultiTaskHead']
