"""Comparing the tensors of models and files."""
import hashlib
from typing import Dict, Iterable

import torch
from torch import Tensor

State = Dict[str, Tensor]


def some(names: Iterable[str], most: int = 6) -> str:
    """The first few of many names."""
    names = list(names)
    return ', '.join(names[:most]) + (f', and {len(names) - most} more' if len(names) > most else '')


def mismatch(own: State, state: State) -> str:
    """What is missing, extra or of the wrong shape in ``state``, '' if nothing."""
    missing = [k for k in own if k not in state]
    extra = [k for k in state if k not in own]
    shapes = [f'{k} {tuple(state[k].shape)} instead of {tuple(own[k].shape)}'
              for k in own if k in state and own[k].shape != state[k].shape]
    return '; '.join(f'{len(names)} {what} ({some(names)})' for names, what in
                     [(missing, 'missing'), (extra, 'extra'), (shapes, 'of the wrong shape')] if names)


def digest(state: State, positions: bool = False) -> str:
    """A fingerprint of an expert's tensors and their names.

    Position tables are left out: they are resized to the size of the input, so that they differ from those of
    the expert's file. With ``positions`` they are in it, as in slim checkpoints of version 0.1.
    """
    sha = hashlib.sha256()
    for name in sorted(state):
        if positions or name not in ('positional_embedding', 'pos_embed'):
            sha.update(name.encode())
            sha.update(state[name].detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()


def is_fingerprint(value: str, state: State) -> bool:
    """Whether ``value`` is a fingerprint of ``state``, one with position tables included."""
    return any(value == digest(state, positions) for positions in (False, True))
