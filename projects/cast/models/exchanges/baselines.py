"""Simpler exchanges that the paper compares B-CAST with (tables 1 (b) and 1 (c), figures 7 and 8)."""
from typing import Collection, Dict, Optional, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from mmaction.registry import MODELS

from ...utils import InputError
from ..layers import Adapter, Grid, Tokens, zero_init
from .base import Exchange, by_receiver
from .cross_attention import CrossAttention


class PatchExchange(Exchange):
    """Base class of the exchanges that neither read nor change class tokens."""

    def phi(self, r: str, own: Tokens, other: Tokens) -> Tensor:
        """Returns what receiver ``r`` adds to its patches, ``(B, T, S, D)``."""
        raise NotImplementedError

    def forward(self, x: Dict[str, Tokens], inputs: Dict[str, Tensor] = {},
                unread: Collection[str] = ()) -> Dict[str, Tensor]:
        """See :meth:`Exchange.forward`."""
        phi = {r: self.drop_path(self.phi(r, x[r], x[self.other[r]]))
               for r in self.receivers if r not in unread}
        return {r: F.pad(p, (0, 0, x[r].num_prefix, 0)) for r, p in phi.items()}


@MODELS.register_module()
class Lateral(PatchExchange):
    """``Phi_r = W_r x_other``: a token-wise lateral connection (table 1 (b), figure 7 (c)).

    The grids must be equal. ``W_r`` is initialised to zero; the paper does not specify its initialisation.

    Args:
        embed_dims, grids: Width and native grid ``(T, H, W)`` of each expert.
        receivers: Names of the receivers. By default, both experts receive.
        drop_path_rate: Drop path rate of the result.
    """

    def __init__(self, embed_dims: Dict[str, int], grids: Dict[str, Grid], receivers: Sequence[str] = (),
                 drop_path_rate: float = 0.) -> None:
        super().__init__(embed_dims, receivers or embed_dims, drop_path_rate)
        self.check_grids(grids)
        self.proj = nn.ModuleDict({
            r: zero_init(nn.Linear(embed_dims[self.other[r]], embed_dims[r])) for r in self.receivers})

    def check_grids(self, grids: Dict[str, Grid]) -> None:
        pair = {name: grids[name] for name in self.other}
        if len(set(pair.values())) > 1:
            raise InputError(f'a lateral connection needs equal grids, got {pair}; use BCAST with the '
                             "window 'space-time', or inputs whose grids agree")

    def phi(self, r: str, own: Tokens, other: Tokens) -> Tensor:
        return self.proj[r](other.patches)


@MODELS.register_module(name=['FullWidthCrossAttention', 'PlainCrossAttention'])
class FullWidthCrossAttention(PatchExchange):
    """``Phi_r = MHCA(E + LN(x_r), E + LN(x_other))`` at full width, without a bottleneck (figure 8 (b)).

    With ``adapter``, an adapter follows: ``Phi_r = ADAP(MHCA(...))`` (figure 8 (c)). The last layer is
    initialised to zero. The paper gives 85.9 M learnable parameters for the first and 93.0 M for the second.
    Their difference equals the 7.10 M of two D/4 adapters per layer, as here. The text does not say what the
    rest consists of: here, full-width attention (56.7 M), position tables (3.8 M) and norms, together with
    the 14.5 M of adapters, norms and heads, make 75.0 M and 82.1 M.

    Args:
        embed_dims, grids: Width and native grid ``(T, H, W)`` of each expert.
        receivers: Window of each receiver.
        num_heads: Number of attention heads.
        adapter: Whether an adapter follows the attention.
        drop_path_rate: Drop path rate of the result.
        windows: Former name of ``receivers``.
    """

    def __init__(self,
                 embed_dims: Dict[str, int],
                 grids: Dict[str, Grid],
                 receivers: Optional[Dict[str, str]] = None,
                 num_heads: int = 12,
                 adapter: bool = False,
                 drop_path_rate: float = 0.,
                 windows: Optional[Dict[str, str]] = None) -> None:
        receivers = by_receiver(receivers, windows)
        super().__init__(embed_dims, receivers, drop_path_rate)
        self.norm = nn.ModuleDict({n: nn.LayerNorm(width, eps=1e-6) for n, width in embed_dims.items()})
        self.attn = nn.ModuleDict({
            r: CrossAttention(embed_dims[r], num_heads, window, grids[r], grids[self.other[r]],
                              embed_dims[self.other[r]]) for r, window in receivers.items()})
        self.adapter = nn.ModuleDict({r: Adapter(embed_dims[r]) for r in receivers if adapter})
        if not adapter:
            for attn in self.attn.values():
                zero_init(attn.proj)  # type: ignore[arg-type]

    def forward(self, x: Dict[str, Tokens], inputs: Dict[str, Tensor] = {},
                unread: Collection[str] = ()) -> Dict[str, Tensor]:
        """See :meth:`Exchange.forward`; the streams are normalised first."""
        normed = {n: x[n].replace(norm(x[n].data)) for n, norm in self.norm.items()}
        return super().forward(normed, inputs, unread)

    def phi(self, r: str, own: Tokens, other: Tokens) -> Tensor:
        a = self.attn[r](own._replace(data=own.patches, num_prefix=0), other)
        return self.adapter[r](a) if self.adapter else a


@MODELS.register_module()
class AdapterOnly(Exchange):
    """``Phi_r = ADAP(x_r)``: an adapter of width D/4 instead of an exchange ("identity", table 1 (c)).

    The paper counts 18.1 M learnable parameters, which is what one such adapter per layer adds to the
    14.51 M without any exchange. It does not say which expert has them, so the config chooses the receivers.

    Args:
        embed_dims, grids: Width and native grid ``(T, H, W)`` of each expert.
        receivers: Names of the experts that have such an adapter.
        drop_path_rate: Drop path rate of the result.
    """

    def __init__(self, embed_dims: Dict[str, int], grids: Dict[str, Grid], receivers: Sequence[str],
                 drop_path_rate: float = 0.) -> None:
        super().__init__(embed_dims, receivers, drop_path_rate)
        self.adapter = nn.ModuleDict({r: Adapter(embed_dims[r]) for r in receivers})

    def forward(self, x: Dict[str, Tokens], inputs: Dict[str, Tensor] = {},
                unread: Collection[str] = ()) -> Dict[str, Tensor]:
        """See :meth:`Exchange.forward`."""
        return {r: self.drop_path(adapter(x[r].prefix if r in unread else x[r].data))
                for r, adapter in self.adapter.items()}
