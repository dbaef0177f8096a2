"""AIM: CLIP with additional attention over time."""
import torch
from torch import Tensor, nn

from mmaction.registry import MODELS

from ..layers import WINDOWS, Adapter, Grid, PositionTable, Tokens
from .clip import CLIPExpert


@MODELS.register_module()
class AIMExpert(CLIPExpert):
    """AIM (https://arxiv.org/abs/2302.03024): CLIP that first attends over time, with the same weights.

    In every block, ``x = x + ADAP(MHSA_time(LN(x)))`` precedes eq. 3 and 5; a position table distinguishes
    the frames. Three adapters per block are trained, which gives the paper's 11 M for K400. AIM is the
    paper's adapter-only baseline (tables 2 and 9 to 11), and reads every frame.

    Args:
        adapter_ratio: Ratio of the adapter's bottleneck width to D.
        time_adapter_in: Whether to use a fourth adapter, with a skip connection, before the attention over
            time, which gives the 14 M of EK100 and SSV2.
        tubelet_size: See :class:`VideoExpert`.
        kwargs: See :class:`CLIPExpert`.
    """

    def __init__(self, adapter_ratio: float = 0.25, time_adapter_in: bool = False, tubelet_size: int = 1,
                 **kwargs) -> None:
        super().__init__(adapter_ratio=adapter_ratio, tubelet_size=tubelet_size, **kwargs)
        self.time_pos = nn.Parameter(torch.zeros(self.grid[0], self.embed_dims))
        self.time_table = PositionTable(self, 'time_pos', self.grid, WINDOWS['time'].spans)
        self.time_adapters, self.time_adapters_in = (
            nn.ModuleList(Adapter(self.embed_dims, adapter_ratio) for _ in range(count))
            for count in (self.depth, self.depth if time_adapter_in else 0))

    def positions(self, grid: Grid) -> Tensor:
        """Returns the position embedding of every frame, ``(T, 1 + S, D)``."""
        return super().positions(grid) + self.time_table.at(grid)[:, None]

    def self_attend(self, i: int, x: Tokens) -> Tokens:
        """Applies attention over time, to class tokens as well, and then eq. 3."""
        parts = self.parts(i)
        n = parts.norm1(x.data)
        if self.time_adapters_in:
            n = n + self.time_adapters_in[i](n)
        a = self.time_adapters[i](self.self_attention(parts.attn, x.replace(n), 'time'))
        return super().self_attend(i, x.replace(x.data + self.drop_paths[i](a)))

    def adapters(self):
        return [*super().adapters(), self.time_adapters, self.time_adapters_in]
