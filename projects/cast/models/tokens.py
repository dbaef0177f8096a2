"""Tokens on a space-time grid, and attention inside a window of that grid."""
from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ..errors import InputError
from .lean import attend

Grid = tuple[int, int, int]

# A window says which axis of the tokens (b t s) a query sees; the others join the batch.
# Figure 3 (c) of the paper. The same letters everywhere: b batch, t time, s space, h heads, d dims.
WINDOWS = {
    'time': '(b s) h t d',
    'space': '(b t) h s d',
    'space-time': 'b h (t s) d',
}


class Tokens(NamedTuple):
    """The stream of one expert.

    Attributes:
        data: ``(B, T, P + S, D)``: P prefix (class) tokens, then S = H * W patches, per frame.
        grid: ``(T, H, W)`` of the patches.
        num_prefix: P.
    """

    data: Tensor
    grid: Grid
    num_prefix: int = 0

    @property
    def prefix(self) -> Tensor:
        """Class tokens, ``(B, T, P, D)``."""
        return self.data[:, :, :self.num_prefix]

    @property
    def patches(self) -> Tensor:
        """Patch tokens, ``(B, T, S, D)``; S is 0 after :meth:`prefix_only`."""
        return self.data[:, :, self.num_prefix:]

    def replace(self, data: Tensor) -> Tokens:
        """The same grid with other data."""
        return self._replace(data=data)

    def prefix_only(self) -> Tokens:
        """The class tokens without the patches."""
        return self.replace(self.prefix)


def check_window(window: str) -> str:
    """Returns ``window``.

    Raises:
        InputError: if there is no such window.
    """
    if window not in WINDOWS:
        raise InputError(f'unknown window {window!r}; choose one of {", ".join(WINDOWS)}')
    return window


def attention(q: Tensor, k: Tensor, v: Tensor, num_heads: int, window: str,
              plain: bool = False) -> Tensor:
    """Multi-head attention, eq. 1 and 7, inside a window.

    Args:
        q: ``(B, T, S, D)``.
        k, v: ``(B, T', S', D)``, with S' = S for the time and T' = T for the space window.
        num_heads: number of heads; the scale is ``(D / num_heads) ** -0.5``.
        window: a key of ``WINDOWS``.
        plain: see ``lean.py``.

    Returns:
        ``(B, T, S, D)``.
    """
    b, t, s, _ = q.shape
    fold = WINDOWS[window]
    q, k, v = (rearrange(x, f'b t s (h d) -> {fold}', h=num_heads) for x in (q, k, v))
    return rearrange(attend(q, k, v, plain), f'{fold} -> b t s (h d)', b=b, t=t, s=s)


def resize_positions(table: Tensor, grid: Grid) -> Tensor:
    """Fits a position table to another grid: bicubic in space, linear in time.

    Args:
        table: ``(T, H, W, D)``.
        grid: the wanted ``(T', H', W')``.

    Returns:
        ``(T', H', W', D)``; the table itself where nothing changes.
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
