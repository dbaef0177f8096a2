from .adapted_task_head import AdaptedTaskHead
from .fused_head import FusedHead
from .multi_task_head import EnsembleHead, MultiTaskHead

__all__ = ['AdaptedTaskHead', 'EnsembleHead', 'FusedHead', 'MultiTaskHead']
