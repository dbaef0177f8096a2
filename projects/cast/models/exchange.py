"""B-CAST: two experts exchange through a bottlenecked cross-attention (section 3.3)."""
from typing import Collection, Dict, Optional, Set

import torch
from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn

from mmaction.registry import MODELS

from ..errors import InputError
from .adapter import gelu_linear, zero_init
from .lean import recompute
from .tokens import Grid, Tokens, attention, check_window, resize_positions

# Axes of the grid (T, H, W) that a window spans: those its position tables have entries for.
SPANS = {'time': (0, ), 'space': (1, 2), 'space-time': (0, 1, 2)}


class CrossAttention(nn.Module):
    """``MHCA(E_q + query, E_c + context)``, eq. 7 inside eq. 8, on bottleneck tokens.

    Class tokens of the query by-pass the attention, those of the context are not seen.

    Args:
        embed_dims: bottleneck width d.
        num_heads: attention heads.
        window: a key of ``WINDOWS``.
        query_grid, context_grid: native ``(T, H, W)`` of the two position tables.
        context_dims: width of the context, if it differs.
        positions: whether there are position tables (table 8).
    """

    plain = False

    def __init__(self, embed_dims: int, num_heads: int, window: str, query_grid: Grid,
                 context_grid: Grid, context_dims: Optional[int] = None, positions: bool = True) -> None:
        super().__init__()
        if embed_dims % num_heads:
            raise InputError(f'an exchange of width {embed_dims} does not divide into num_heads={num_heads} '
                             'heads; choose a bottleneck_dims or num_heads that fit')
        self.num_heads, self.window = num_heads, check_window(window)
        self.check(query_grid, context_grid)
        self.q = nn.Linear(embed_dims, embed_dims)
        self.kv = nn.Linear(context_dims or embed_dims, 2 * embed_dims)
        self.proj = nn.Linear(embed_dims, embed_dims)
        self.query_grid, self.context_grid = self.span(query_grid), self.span(context_grid)
        self.query_pos = self.new_table(self.query_grid, embed_dims) if positions else None
        context_dims = context_dims or embed_dims
        self.context_pos = self.new_table(self.context_grid, context_dims) if positions else None

    def span(self, grid: Grid) -> Grid:
        """``grid`` with the axes that the window does not span set to 1."""
        t, h, w = (n if i in SPANS[self.window] else 1 for i, n in enumerate(grid))
        return t, h, w

    def new_table(self, grid: Grid, embed_dims: int) -> nn.Parameter:
        """A learned table ``(T * H * W, d)``, drawn from N(0, 1) / sqrt(channels of a head)."""
        scale = (self.q.out_features // self.num_heads)**-0.5
        return nn.Parameter(scale * torch.randn(grid[0] * grid[1] * grid[2], embed_dims))

    def project(self, linear: nn.Linear, x: Tokens, table: Optional[Tensor], grid: Grid) -> Tensor:
        """``(E + x) W`` of the patches, ``(B, T, S, d')``; the backward pass computes the sum again."""
        if table is None:
            return linear(x.patches)
        positions = resize_positions(table.view(*grid, -1), self.span(x.grid)).flatten(1, 2)
        return recompute(lambda patches: linear(patches + positions), x.patches, self.plain)

    def check(self, query: Grid, context: Grid) -> None:
        """Raises ValueError if the window cannot pair the two grids."""
        shared = [i for i in range(3) if i not in SPANS[self.window]]  # axes that join the batch
        if any(query[i] != context[i] for i in shared):
            axes, *sizes = ('x'.join(str(names[i]) for i in shared) for names in ('THW', query, context))
            raise InputError(f'the {self.window} window needs equal {axes}, got {" and ".join(sizes)}; '
                             "use 'space-time', or inputs whose grids agree")

    @torch.no_grad()
    def set_grids(self, query: Grid, context: Grid) -> None:
        """Resizes the position tables to other native grids, in place."""
        self.check(query, context)
        query, context = self.span(query), self.span(context)
        for table, old, new in ((self.query_pos, self.query_grid, query),
                                (self.context_pos, self.context_grid, context)):
            if table is not None:
                table.data = resize_positions(table.view(*old, -1), new).flatten(0, 2)
        self.query_grid, self.context_grid = query, context

    def no_weight_decay(self) -> Set[str]:
        """Names of the parameters that weight decay leaves alone."""
        return {'query_pos', 'context_pos'}

    def forward(self, query: Tokens, context: Tokens) -> Tensor:
        """``(B, T, P + S, d)``: the query's class tokens as they are, its patches attended."""
        if not query.patches.shape[2]:
            return query.data
        self.check(query.grid, context.grid)
        q = self.project(self.q, query, self.query_pos, self.query_grid)
        k, v = self.project(self.kv, context, self.context_pos, self.context_grid).chunk(2, -1)
        a = self.proj(attention(q, k, v, self.num_heads, self.window, self.plain))
        return torch.cat([query.prefix, a], dim=2)


class Exchange(nn.Module):
    """Base of the exchanges between two experts.

    Args:
        embed_dims: expert to width.
        receivers: one or both of the experts.
        drop_path_rate: drop path of the result, eq. 4.

    Raises:
        InputError: if the receivers are not among the experts.
    """

    def __init__(self, embed_dims: Dict[str, int], receivers: Collection[str], drop_path_rate: float) -> None:
        super().__init__()
        first, second = embed_dims
        if not receivers or set(receivers) - {first, second}:
            raise InputError(f'the receivers of an exchange are named {sorted(receivers)}; choose one or '
                             f'both of {sorted(embed_dims)}')
        self.other = {first: second, second: first}
        self.receivers = tuple(receivers)
        self.drop_path = DropPath(drop_path_rate)

    def set_grids(self, grids: Dict[str, Grid]) -> None:
        """Resizes position tables, where there are any, to other native grids of the experts."""
        for r, cross in getattr(self, 'attn', {}).items():
            cross.set_grids(grids[r], grids[self.other[r]])


@MODELS.register_module()
class BCAST(Exchange):
    """Bottleneck cross-attention in space and time between two experts, eq. 8.

    ``Phi_r = W_up,r GELU(MHCA(E + LN(W_down x_r), E + LN(W_down x_other)))`` per receiver r. The
    down-projections serve both directions; ``W_up`` starts at zero, so that a new model computes
    what its experts do.

    Args:
        embed_dims: width of each of the two experts, by name.
        grids: native grid of each, by name.
        windows: receiver to window. A receiver left out gets nothing (a one-way exchange).
        bottleneck_dims: bottleneck width d.
        num_heads: heads of the cross-attention.
        positions: whether there are position tables (table 8).
        drop_path_rate: drop path of the result, eq. 4.
    """

    plain = False

    def __init__(self,
                 embed_dims: Dict[str, int],
                 grids: Dict[str, Grid],
                 windows: Dict[str, str],
                 bottleneck_dims: int = 384,
                 num_heads: int = 12,
                 positions: bool = True,
                 drop_path_rate: float = 0.) -> None:
        super().__init__(embed_dims, windows, drop_path_rate)
        d = bottleneck_dims
        self.down = nn.ModuleDict({n: nn.Linear(width, d) for n, width in embed_dims.items()})
        self.norm = nn.ModuleDict({n: nn.LayerNorm(d, eps=1e-6) for n in embed_dims})
        self.attn = nn.ModuleDict({
            r: CrossAttention(d, num_heads, window, grids[r], grids[self.other[r]], positions=positions)
            for r, window in windows.items()})
        self.up = nn.ModuleDict({r: zero_init(nn.Linear(d, embed_dims[r])) for r in windows})

    def forward(self, x: Dict[str, Tokens], prefix_only: Collection[str] = ()) -> Dict[str, Tensor]:
        """What each receiver adds to its stream.

        Args:
            x: the streams of (at least) the two experts.
            prefix_only: receivers of which only the class tokens are wanted.

        Returns:
            receiver to ``(B, T, P + S, D)``.
        """
        z = {n: x[n].replace(self.norm[n](down(x[n].data))) for n, down in self.down.items()}
        phi = {}
        for r, cross in self.attn.items():
            query = z[r].prefix_only() if r in prefix_only else z[r]
            phi[r] = self.drop_path(gelu_linear(cross(query, z[self.other[r]]), self.up[r], self.plain))
        return phi
