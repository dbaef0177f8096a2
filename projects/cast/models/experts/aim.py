"""AIM: CLIP that attends over time, too."""
import torch
from torch import Tensor, nn

from mmaction.registry import MODELS

from ..layers import WINDOWS, Adapter, Grid, PositionTable, Tokens
from .clip import CLIPExpert


@MODELS.register_module()
class AIMExpert(CLIPExpert):
    """AIM (https://arxiv.org/abs/2302.03024): CLIP that attends over time first, by the same frozen weights.

    ``x = x + ADAP(MHSA_time(LN(x)))`` comes before eq. 3 and 5 in every block; a table tells the frames
    apart. Three adapters a block learn, the paper's 11 M for K400. It is the paper's adapter-only
    baseline (tables 2, 9 to 11), and sees every frame.

    Args:
        adapter_ratio: adapter bottleneck over D.
        time_adapter_in: a fourth adapter, with a skip, before the attention over time: the 14 M of EK100
            and SSV2.
        tubelet_size: see :class:`VideoExpert`.
        kwargs: see :class:`CLIPExpert`.
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
        """Position embedding of every frame, ``(T, 1 + S, D)``."""
        return super().positions(grid) + self.time_table(grid)[:, None]

    def self_attend(self, i: int, x: Tokens) -> Tokens:
        """Attention over time, of class tokens too, then eq. 3."""
        parts = self.parts(i)
        n = parts.norm1(x.data)
        if self.time_adapters_in:
            n = n + self.time_adapters_in[i](n)
        a = self.time_adapters[i](self.self_attention(parts.attn, x.replace(n), 'time'))
        return super().self_attend(i, x.replace(x.data + self.drop_paths[i](a)))

    def adapters(self):
        return [*super().adapters(), self.time_adapters, self.time_adapters_in]
