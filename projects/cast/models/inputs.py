"""Batches of several modalities."""
from typing import Dict, Optional, Tuple, Union

from torch import Tensor

from ..utils import InputError

Inputs = Union[Tensor, Dict[str, Tensor]]
Batch = Dict[str, Tensor]
Shapes = Dict[str, Tuple[int, ...]]  # of the inputs by key, without the batch axis
MASK = '_mask'  # suffix of the key that tells which samples have a modality
HOST_NAMES = {'imgs': 'video'}  # MMAction2's pipelines call a clip `imgs`


def as_batch(inputs: Inputs) -> Batch:
    """Returns the inputs by modality; a tensor counts as video."""
    if isinstance(inputs, Tensor):
        return {'video': inputs}
    ours = {f'{key}{end}': f'{name}{end}' for key, name in HOST_NAMES.items() for end in ('', MASK)}
    return {ours.get(key, key): value for key, value in inputs.items()}


def count_views(batch: Batch) -> int:
    """Returns the number of views per sample of inputs ``(B, views, ...)``.

    Raises:
        InputError: If the modalities have different numbers of views, other than one.
    """
    counts = {key: value.shape[1] for key, value in batch.items() if not key.endswith(MASK)}
    views = max(counts.values(), default=1)
    if any(count not in (1, views) for count in counts.values()):
        raise InputError(f'the modalities of a sample have different numbers of views, {counts}; give each '
                         'as many as the others, or one that goes with all of them')
    return views


def flatten_views(batch: Batch) -> Batch:
    """Reshapes ``(B, views, ...)`` to ``(B * views, ...)``; single views are repeated to match the others."""
    views = count_views(batch)
    return {key: value.repeat_interleave(views, 0) if key.endswith(MASK) else
            value.expand(-1, views, *value.shape[2:]).flatten(0, 1) for key, value in batch.items()}


def masked(x: Tensor, factors: Optional[Tensor]) -> Tensor:
    """Multiplies each sample of ``x`` by its factor, if there are factors."""
    return x if factors is None else x * factors.to(x.dtype).view(-1, *[1] * (x.dim() - 1))
