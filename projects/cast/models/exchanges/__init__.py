from .base import Exchange
from .baselines import AdapterOnly, FullWidthCrossAttention, Lateral
from .bcast import BCAST
from .cross_attention import CrossAttention

__all__ = ['AdapterOnly', 'BCAST', 'CrossAttention', 'Exchange', 'FullWidthCrossAttention', 'Lateral']
