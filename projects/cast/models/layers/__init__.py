from .adapter import Adapter, gelu_linear, zero_init
from .efficient import quick_gelu, recompute, set_plain
from .positions import FactorizedPositions, PositionTable, resize_positions
from .tokens import WINDOWS, Grid, Tokens, Window, attention, check_window

__all__ = ['WINDOWS', 'Adapter', 'FactorizedPositions', 'Grid', 'PositionTable', 'Tokens', 'Window',
           'attention', 'check_window', 'gelu_linear', 'quick_gelu', 'recompute', 'resize_positions',
           'set_plain', 'zero_init']
