"""Reads the tower of an expert from commonly available files, and loads it strictly.

The files use the names of OpenAI's CLIP and open_clip (the same, below ``visual.``), of the authors of
VideoMAE, or of MMAction2's VideoMAE.
"""
from collections import OrderedDict
from typing import Any, Callable, Dict, Tuple

import torch
from mmengine.logging import print_log

from ..utils import InputError, MissingFileError
from .reader import read_checkpoint, unwrap
from .rename import Table, rename
from .state_dict import State, first_few, mismatch

VIDEOMAE: Table = [  # authors', ours (MMAction2's below `backbone.`)
    ('patch_embed.proj.', 'patch_embed.projection.'),
    ('fc_norm.', 'fc_norm.'),
    ('blocks.{i}.mlp.fc1.', 'blocks.{i}.mlp.layers.0.0.'),
    ('blocks.{i}.mlp.fc2.', 'blocks.{i}.mlp.layers.1.'),
    ('blocks.{i}.', 'blocks.{i}.'),
]


def below(state: State, prefix: str, drop: Tuple[str, ...] = ()) -> State:
    """Returns the entries below ``prefix``, without the prefix and without those that start with ``drop``."""
    found = {k[len(prefix):]: v for k, v in state.items() if k.startswith(prefix)}
    return OrderedDict((k, v) for k, v in found.items() if not (drop and k.startswith(drop)))


def read_expert(path: str) -> State:
    """Reads the weights of an expert's tower from any supported file.

    These are OpenAI's CLIP archive (TorchScript), open_clip files, the pre-trained and fine-tuned files of
    the VideoMAE authors, MMAction2's VideoMAE, or a file that ``expert_checkpoint.py`` wrote.

    Args:
        path: Path of the file.

    Returns:
        Tensors by the tower's own names. Parts that CAST does not use (CLIP's text tower and projection;
        VideoMAE's decoder, encoder norm and classifier) are left out.

    Raises:
        InputError: If the file is not supported.
    """
    state, _ = unwrap(read_checkpoint(path))
    if all(k.startswith('module.') for k in state):
        state = below(state, 'module.')
    if 'visual.conv1.weight' in state:  # CLIP of OpenAI or open_clip
        return below(state, 'visual.', ('proj', ))
    if 'conv1.weight' in state:  # our CLIP tower
        return below(state, '', ('proj', ))
    for prefix in ('encoder.', 'backbone.', ''):  # VideoMAE: pre-trained, MMAction2's, fine-tuned
        if f'{prefix}patch_embed.projection.weight' in state:
            return with_fc_norm(below(state, prefix, ('pos_embed', 'norm.')))
        if f'{prefix}patch_embed.proj.weight' in state:
            tower = below(state, prefix, ('pos_embed', 'norm.', 'head.'))
            return with_fc_norm(rename(tower, VIDEOMAE))
    raise InputError(f'{path}: neither a CLIP nor a VideoMAE checkpoint that we know; its '
                     f'{len(state)} keys begin with {first_few(state)}')


def with_fc_norm(state: State) -> State:
    """Adds the post norm that a VideoMAE pre-training file lacks, with LayerNorm's initial values."""
    width = state['patch_embed.projection.bias']
    state.setdefault('fc_norm.weight', torch.ones_like(width))
    state.setdefault('fc_norm.bias', torch.zeros_like(width))
    return state


def load_strictly(tower: Any, path: str, read: Callable[[str], State] = read_expert,
                  fit: Callable[[State], Dict[str, str]] = lambda state: {}) -> None:
    """Loads the weights of a tower strictly.

    Args:
        tower: The ``tower`` of an expert.
        path: Path of any file that ``read`` supports.
        read: Function that reads a file to tensors by the tower's names.
        fit: Function that resizes position tables in place and describes what it did to each.

    Raises:
        MissingFileError: If the file is missing.
        InputError: If tensors are missing, unexpected or of the wrong shape. The message names them.
    """
    try:
        state = read(path)
    except FileNotFoundError as error:
        raise MissingFileError(
            f'{path}: no such expert checkpoint. The header of the config says where to get it; '
            'set the path in the config, or None to start from random weights') from error
    for name, done in fit(state).items():
        print_log(f'{path}: {name} interpolated {done}', logger='current')
    problem = mismatch(tower.state_dict(), state)
    if problem:
        raise InputError(f'{path} does not fit {type(tower).__name__}: {problem}; choose the file '
                         'or the expert config that belongs to the other')
    tower.load_state_dict(state)
