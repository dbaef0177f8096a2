"""Fusion of the features of several experts."""
from typing import Collection, Dict, Sequence, Union

import torch
from torch import Tensor, nn

from ...utils import InputError
from ..layers import Adapter

Widths = Union[int, Dict[str, int]]
Features = Union[Tensor, Dict[str, Tensor]]


def pick(x: Features, expert: str, in_channels: Widths) -> Tensor:
    """Selects the feature of an expert; a single feature may come without a name.

    Raises:
        InputError: If there is no feature of that name, or if its width is not that of the head.
    """
    if isinstance(x, dict) and expert not in x:
        raise InputError(f'the head reads the feature of {expert!r}, but the backbone gives {list(x)}; set '
                         'the experts of the head')
    feature, dims = x[expert] if isinstance(x, dict) else x, width(in_channels, expert)
    if feature.shape[-1] != dims:
        raise InputError(f'cls_head.in_channels is {dims}, but the feature of {expert!r} has '
                         f'{feature.shape[-1]} channels; set in_channels to its width')
    return feature


def width(in_channels: Widths, expert: str) -> int:
    """Returns the width of an expert's feature; ``in_channels`` is one width for all, or one per name."""
    if isinstance(in_channels, int):
        return in_channels
    if expert not in in_channels:
        raise InputError(f'in_channels={dict(in_channels)} of the head has no width for {expert!r}')
    return in_channels[expert]


class AdaptedSum(nn.ModuleDict):
    """``Z = ADAP(CLS) + ADAP(GAP)`` (eq. 6), for any number of experts.

    Args:
        experts: Names of the experts whose features are fused.
        in_channels: Width D of the features, or a dict of widths by expert.
        adapters: Whether to use adapters. Otherwise Z is the sum of the features.
        skip: Whether each adapter's input is added to its result, as in CAVA.
        quick_gelu: Experts whose adapter has CLIP's activation in place of GELU, such as audio in CA2ST.

    Raises:
        InputError: If features of different widths would be added, or ``quick_gelu`` names no expert.
    """

    def __init__(self, experts: Sequence[str], in_channels: Widths, adapters: bool = True, skip: bool = False,
                 quick_gelu: Collection[str] = ()) -> None:
        dims = width(in_channels, experts[0])
        if (skip or not adapters) and any(width(in_channels, e) != dims for e in experts):
            raise InputError(f'features of widths {in_channels} cannot be added without adapters'
                             + (' that have no skip connection' if skip else ''))
        if set(quick_gelu) - set(experts):
            raise InputError(f'quick_gelu={list(quick_gelu)} must be among the experts {list(experts)}')
        super().__init__({
            e: Adapter(width(in_channels, e), out_dims=dims, quick_gelu=e in quick_gelu)
            if adapters else nn.Identity() for e in experts})
        self.in_channels, self.skip, self.dims = in_channels, skip and adapters, dims

    def forward(self, x: Features, dtype: torch.dtype) -> Tensor:
        """Maps features ``(B, D)`` by expert to Z, ``(B, D)``, in the given dtype."""
        features = {name: pick(x, name, self.in_channels).to(dtype) for name in self}
        adapted = [self[name](feature) for name, feature in features.items()]
        return sum([*adapted, *features.values()] if self.skip else adapted)  # type: ignore[return-value]
