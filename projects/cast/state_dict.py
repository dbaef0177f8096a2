"""Comparing the tensors of models and files."""
import hashlib
from typing import Dict, Iterable

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


def digest(state: State) -> str:
    """A fingerprint of tensors and their names."""
    sha = hashlib.sha256()
    for name in sorted(state):
        sha.update(name.encode())
        sha.update(state[name].detach().cpu().contiguous().numpy().tobytes())
    return sha.hexdigest()
