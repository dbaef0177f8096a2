"""Compares the tensors of models and files."""
import hashlib
from typing import Collection, Dict, Iterable

import torch
from torch import Tensor

State = Dict[str, Tensor]


def first_few(names: Iterable[str], most: int = 6) -> str:
    """Returns the first few of many names."""
    names = list(names)
    return ', '.join(names[:most]) + (f', and {len(names) - most} more' if len(names) > most else '')


def mismatch(own: State, state: State) -> str:
    """Describes what is missing, unexpected or of the wrong shape in ``state``; '' if nothing is."""
    missing = [k for k in own if k not in state]
    extra = [k for k in state if k not in own]
    shapes = [f'{k} {tuple(state[k].shape)} instead of {tuple(own[k].shape)}'
              for k in own if k in state and own[k].shape != state[k].shape]
    return '; '.join(f'{len(names)} {what} ({first_few(names)})' for names, what in
                     [(missing, 'missing'), (extra, 'extra'), (shapes, 'of the wrong shape')] if names)


def part_of(name: str) -> str:
    """Returns the expert, the exchange (of all blocks) or the other part that a model's tensor belongs to."""
    words = name.split('.')
    if words[:2] == ['backbone', 'experts']:
        return f'expert {words[2]}'
    if words[:2] == ['backbone', 'exchanges']:
        return f'exchange {words[3]}'
    return '.'.join(words[:2])


def digest(state: State, leave_out: Collection[str] = ()) -> str:
    """Returns a fingerprint of an expert's tensors and their names.

    Args:
        state: Tensors by name.
        leave_out: Names of position tables. As they are resized to the size of the input, they differ from
            those in the expert's file. The fingerprints in slim checkpoints of the first release include
            them nevertheless.
    """
    sha = hashlib.sha256()
    for name in sorted(state):
        if name not in leave_out:
            sha.update(name.encode())
            sha.update(state[name].detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()
