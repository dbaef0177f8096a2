"""B-CAST: two experts exchange information through a bottleneck cross-attention (section 3.3)."""
from typing import Collection, Dict, Optional

from torch import Tensor, nn

from mmaction.registry import MODELS

from ..layers import Grid, Tokens, gelu_linear, zero_init
from .base import Exchange, by_receiver
from .cross_attention import CrossAttention, Positions


@MODELS.register_module()
class BCAST(Exchange):
    """Bottleneck cross-attention in space and time between two experts, eq. 8.

    For each receiver r, ``Phi_r = W_up,r GELU(MHCA(E + LN(W_down x_r), E + LN(W_down x_other)))``. Both
    directions use the same down-projections. ``W_up`` is initialised to zero, so that a new model computes
    what its experts compute.

    Args:
        embed_dims: Width of each of the two experts, by name.
        grids: Native grid of each expert, by name.
        receivers: Window of each receiver. An expert that is left out receives nothing (one-way exchange).
        bottleneck_dims: Bottleneck width d.
        num_heads: Number of heads of the cross-attention.
        positions: See :class:`CrossAttention`.
        drop_path_rate: Drop path rate of the result, eq. 4.
        windows: Former name of ``receivers``.
    """

    plain = False
    projections = ('down', 'up')

    def __init__(self,
                 embed_dims: Dict[str, int],
                 grids: Dict[str, Grid],
                 receivers: Optional[Dict[str, str]] = None,
                 bottleneck_dims: int = 384,
                 num_heads: int = 12,
                 positions: Positions = True,
                 drop_path_rate: float = 0.,
                 windows: Optional[Dict[str, str]] = None) -> None:
        receivers = by_receiver(receivers, windows)
        super().__init__(embed_dims, receivers, drop_path_rate)
        self.bottleneck_dims = d = bottleneck_dims
        self.down = nn.ModuleDict({n: nn.Linear(width, d) for n, width in embed_dims.items()})
        self.norm = nn.ModuleDict({n: nn.LayerNorm(d, eps=1e-6) for n in embed_dims})
        self.attn = nn.ModuleDict({
            r: CrossAttention(d, num_heads, window, grids[r], grids[self.other[r]], positions=positions)
            for r, window in receivers.items()})
        self.up = nn.ModuleDict({r: zero_init(nn.Linear(d, embed_dims[r])) for r in receivers})

    def bottleneck(self, x: Dict[str, Tokens], inputs: Dict[str, Tensor]) -> Dict[str, Tokens]:
        """Returns ``LN(W_down x)`` of both experts."""
        return {n: x[n].replace(self.norm[n](down(x[n].data))) for n, down in self.down.items()}

    def forward(self, x: Dict[str, Tokens], inputs: Dict[str, Tensor] = {},
                unread: Collection[str] = ()) -> Dict[str, Tensor]:
        """See :meth:`Exchange.forward`."""
        z = self.bottleneck(x, inputs)
        phi = {}
        for r, cross in self.attn.items():
            query = z[r].drop_patches() if r in unread else z[r]
            phi[r] = self.drop_path(gelu_linear(cross(query, z[self.other[r]]), self.up[r], self.plain))
        return phi
