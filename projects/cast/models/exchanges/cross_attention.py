"""Cross-attention between the tokens of two experts."""
from typing import Any, Optional, Union

import torch
from torch import Tensor, nn

from ...utils import InputError
from ..layers import (
    WINDOWS,
    FactorizedPositions,
    Grid,
    PositionTable,
    Tokens,
    attention,
    check_window,
    recompute,
)

Positions = Union[bool, str]


class CrossAttention(nn.Module):
    """``MHCA(E_q + query, E_c + context)``, eq. 7 inside eq. 8, on bottleneck tokens.

    The query's class tokens bypass the attention, and the context's class tokens are ignored.

    Args:
        embed_dims: Bottleneck width d.
        num_heads: Number of attention heads.
        window: A key of ``WINDOWS``. With ``space-time``, every query sees the whole context, of any grid.
        query_grid, context_grid: Native grids ``(T, H, W)`` of the two position tables.
        context_dims: Width of the context, if it differs from ``embed_dims``.
        positions: Whether there are position tables (table 8). By default there is one over the axes that the
            window spans; with ``factorized`` there is one over space and one over time, which are added.
    """

    plain = False

    def __init__(self, embed_dims: int, num_heads: int, window: str, query_grid: Grid,
                 context_grid: Grid, context_dims: Optional[int] = None, positions: Positions = True) -> None:
        super().__init__()
        if embed_dims % num_heads:
            raise InputError(f'an exchange of width {embed_dims} does not divide into num_heads={num_heads} '
                             'heads; choose a bottleneck_dims or num_heads that fit')
        if positions not in (True, False, 'factorized'):
            raise InputError(f"positions={positions!r} is not known; choose True, False or 'factorized'")
        self.num_heads, self.window = num_heads, check_window(window)
        self.check(query_grid, context_grid)
        context_dims = context_dims or embed_dims
        self.q = nn.Linear(embed_dims, embed_dims)
        self.kv = nn.Linear(context_dims, 2 * embed_dims)
        self.proj = nn.Linear(embed_dims, embed_dims)
        self.tables = nn.ModuleDict()
        for name, grid, dims in (('query_pos', query_grid, embed_dims),
                                 ('context_pos', context_grid, context_dims)):
            scale = (embed_dims // num_heads)**-0.5  # the entries are drawn from N(0, 1) / sqrt(d per head)
            if positions == 'factorized':
                self.tables[name] = FactorizedPositions(grid, dims, scale)
            elif positions:
                self.tables[name] = table = PositionTable(self, name, grid, WINDOWS[window].spans)
                places = torch.Size(table.grid).numel()
                setattr(self, name, nn.Parameter(scale * torch.randn(places, dims)))

    def project(self, linear: nn.Linear, x: Tokens, name: str) -> Tensor:
        """Returns ``(E + x) W`` of the patches, ``(B, T, S, d')``; the backward pass recomputes the sum."""
        if name not in self.tables:
            return linear(x.patches)
        table: Any = self.tables[name]
        t, h, w = table.span(x.grid)
        positions = table.at(x.grid).view(t, h * w, -1)
        return recompute(lambda patches: linear(patches + positions), x.patches, self.plain)

    def check(self, query: Grid, context: Grid) -> None:
        """Raises an InputError if the window cannot pair the two grids."""
        shared = [i for i in range(3) if i not in WINDOWS[self.window].spans]  # axes folded into the batch
        if any(query[i] != context[i] for i in shared):
            axes, *sizes = ('x'.join(str(names[i]) for i in shared) for names in ('THW', query, context))
            raise InputError(f'the {self.window} window needs equal {axes}, got {" and ".join(sizes)}; '
                             "use 'space-time', or inputs whose grids agree")

    def set_grids(self, query: Grid, context: Grid) -> None:
        """Resizes the position tables to new native grids, in place."""
        self.check(query, context)
        for name, table in self.tables.items():
            table.resize(query if name == 'query_pos' else context)  # type: ignore[operator]

    def forward(self, query: Tokens, context: Tokens) -> Tensor:
        """Returns ``(B, T, P + S, d)``: the query's unchanged class tokens and its attended patches."""
        if not query.patches.shape[2]:
            return query.data
        self.check(query.grid, context.grid)
        q = self.project(self.q, query, 'query_pos')
        k, v = self.project(self.kv, context, 'context_pos').chunk(2, -1)
        a = self.proj(attention(q, k, v, self.num_heads, self.window, self.plain))
        return torch.cat([query.prefix, a], dim=2)
