from .adapted_sum import AdaptedSum
from .adapted_task_head import AdaptedTaskHead
from .fused_head import FusedHead
from .multi_task_head import EnsembleHead, MultiTaskHead
from .xvit_head import XViTHead, XViTTaskHead

__all__ = ['AdaptedSum', 'AdaptedTaskHead', 'EnsembleHead', 'FusedHead', 'MultiTaskHead', 'XViTHead',
           'XViTTaskHead']
