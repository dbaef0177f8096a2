"""Tokens on a space-time grid, and attention inside a window of that grid."""
from __future__ import annotations

from typing import NamedTuple

from einops import rearrange
from torch import Tensor

from ...utils import InputError
from .efficient import dot_product_attention

Grid = tuple[int, int, int]


class Window(NamedTuple):
    """The tokens of ``(b t s)`` that a query sees: b batch, t time and s space; also h heads and d channels.

    Attributes:
        batch: Axes that are folded into the batch, because no query looks across them.
        tokens: Axes that a query looks along.
        spans: Axes of the grid ``(T, H, W)`` among the latter, which position tables distinguish.
    """

    batch: str
    tokens: str
    spans: tuple[int, ...]

    @property
    def fold(self) -> str:
        """Pattern of the sequences that attend, for towers that split the heads themselves."""
        return f'{self.batch} {self.tokens} d'

    @property
    def heads(self) -> str:
        """The same pattern with heads."""
        return f'{self.batch} h {self.tokens} d'


WINDOWS = {  # figure 3 (c)
    'time': Window('(b s)', 't', (0, )),
    'space': Window('(b t)', 's', (1, 2)),
    'space-time': Window('b', '(t s)', (0, 1, 2)),
}


class Tokens(NamedTuple):
    """The stream of one expert.

    Attributes:
        data: ``(B, T, P + S, D)``: for each frame, P prefix (class) tokens, then S = H * W patches.
        grid: Grid ``(T, H, W)`` of the patches.
        num_prefix: P, the number of prefix tokens.
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
        """Patch tokens, ``(B, T, S, D)``; S is 0 after :meth:`drop_patches`."""
        return self.data[:, :, self.num_prefix:]

    def replace(self, data: Tensor) -> Tokens:
        """Returns tokens on the same grid with other data."""
        return self._replace(data=data)

    def drop_patches(self) -> Tokens:
        """Returns only the class tokens."""
        return self.replace(self.prefix)


def check_window(window: str) -> str:
    """Checks the name of a window and returns it.

    Raises:
        InputError: If there is no such window.
    """
    if window not in WINDOWS:
        raise InputError(f'unknown window {window!r}; choose one of {", ".join(WINDOWS)}')
    return window


def attention(q: Tensor, k: Tensor, v: Tensor, num_heads: int, window: str,
              plain: bool = False) -> Tensor:
    """Multi-head attention, eq. 1 and 7, inside a window.

    Args:
        q: Queries ``(B, T, S, D)``.
        k, v: Keys and values ``(B, T', S', D)``, with S' = S for the time and T' = T for the space window.
        num_heads: Number of heads. The scale is ``(D / num_heads) ** -0.5``.
        window: A key of ``WINDOWS``.
        plain: See ``efficient.py``.

    Returns:
        The attended values, ``(B, T, S, D)``.
    """
    b, t, s, _ = q.shape
    fold = WINDOWS[window].heads
    q, k, v = (rearrange(x, f'b t s (h d) -> {fold}', h=num_heads) for x in (q, k, v))
    return rearrange(dot_product_attention(q, k, v, plain), f'{fold} -> b t s (h d)', b=b, t=t, s=s)
