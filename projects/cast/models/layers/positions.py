"""Position tables: learned or fixed entries on a grid that are resized to the grid of the input."""
from typing import Set, Tuple

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from .tokens import WINDOWS, Grid


class PositionTable(nn.Module):
    """A position embedding for each place of a native grid, resized if the input has another grid.

    The entries remain a parameter, or a fixed buffer, of another module, such as a library's tower. That
    module keeps working by itself, with its own parameter names.

    Args:
        owner: Module that has the entries.
        name: Name of the entries in it. Their shape is ``(P + places, D)``, optionally with a leading axis 1.
        grid: Native grid ``(T, H, W)``.
        spans: Axes of the grid along which the entries vary.
        num_prefix: P, the number of entries for class tokens, which come first and are never resized.
    """

    def __init__(self, owner: nn.Module, name: str, grid: Grid, spans: Tuple[int, ...] = (0, 1, 2),
                 num_prefix: int = 0) -> None:
        super().__init__()
        self.owner = (owner, )  # in a tuple: it must not become a child of the table
        self.name, self.spans, self.num_prefix = name, spans, num_prefix
        self.grid = self.span(grid)

    @property
    def weight(self) -> Tensor:
        """The entries of the native grid."""
        return getattr(self.owner[0], self.name)

    def no_weight_decay(self) -> Set[str]:
        """Names of the parameters without weight decay (timm's convention)."""
        return {'weight'}

    def span(self, grid: Grid) -> Grid:
        """Returns ``grid`` with the axes that the table does not span set to 1."""
        t, h, w = (n if axis in self.spans else 1 for axis, n in enumerate(grid))
        return t, h, w

    def at(self, grid: Grid) -> Tensor:
        """Returns the entries for ``grid``, in the layout of :attr:`weight`, or :attr:`weight` if it fits."""
        # no `forward`, as the hooks of FLOP counters do not expect a parameter to come out of a module
        return self.fit(self.weight, self.grid, self.span(grid))

    def fit(self, weight: Tensor, old: Grid, new: Grid) -> Tensor:
        """Resizes entries from one grid to another."""
        if old == new:
            return weight
        prefix, places = weight.split([self.num_prefix, weight.shape[-2] - self.num_prefix], -2)
        places = resize_positions(places.reshape(*old, -1), new)
        return torch.cat([prefix, places.reshape(*prefix.shape[:-2], -1, weight.shape[-1])], -2)

    @torch.no_grad()
    def resize(self, grid: Grid) -> None:
        """Makes ``grid`` the native grid, so that its inputs need no resizing in the forward pass."""
        self.weight.data, self.grid = self.at(grid), self.span(grid)


class FactorizedPositions(nn.Module):
    """A learned table over space plus a learned table over time, each constant along the other's axes.

    Args:
        grid: Native grid ``(T, H, W)``.
        embed_dims: Width D.
        scale: Initial standard deviation of the entries.
    """

    def __init__(self, grid: Grid, embed_dims: int, scale: float) -> None:
        super().__init__()
        t, h, w = grid
        self.space = nn.Parameter(scale * torch.randn(h * w, embed_dims))
        self.time = nn.Parameter(scale * torch.randn(t, embed_dims))
        self.tables = nn.ModuleList(
            PositionTable(self, name, grid, WINDOWS[name].spans) for name in ('time', 'space'))

    @staticmethod
    def span(grid: Grid) -> Grid:
        """Returns ``grid`` itself."""
        return grid

    def at(self, grid: Grid) -> Tensor:
        """Returns the positions ``(T * H * W, D)``."""
        time, space = (table.at(grid) for table in self.tables)  # type: ignore[operator]
        return (time[:, None] + space).flatten(0, 1)

    def resize(self, grid: Grid) -> None:
        """Makes ``grid`` the native grid."""
        for table in self.tables:
            table.resize(grid)  # type: ignore[operator]


def resize_positions(table: Tensor, grid: Grid) -> Tensor:
    """Resizes a position table to another grid: bicubic in space, linear in time.

    Args:
        table: Table ``(T, H, W, D)``.
        grid: Target grid ``(T', H', W')``.

    Returns:
        The resized table ``(T', H', W', D)``, or the table itself if nothing changes.
    """
    t, h, w, _ = table.shape
    if (h, w) != grid[1:]:
        x = rearrange(table, 't h w d -> t d h w')
        x = F.interpolate(x.float(), size=grid[1:], mode='bicubic', antialias=True)
        table = rearrange(x.to(table), 't d h w -> t h w d')
    if t != grid[0]:
        h, w = grid[1:]
        x = rearrange(table, 't h w d -> (h w) d t')
        x = F.interpolate(x.float(), size=grid[0], mode='linear')
        table = rearrange(x.to(table), '(h w) d t -> t h w d', h=h, w=w)
    return table
