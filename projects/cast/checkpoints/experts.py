"""Reading one expert's tower from the files that people have, and loading it strictly.

They have the names of OpenAI's CLIP and open_clip (the same, under ``visual.``), of the VideoMAE authors, or
of MMAction2's VideoMAE.
"""
from collections import OrderedDict
from typing import Any, Callable, Dict, Tuple

import torch
from mmengine.logging import print_log

from ..utils import InputError, MissingFileError
from .reader import read_checkpoint, unwrap
from .rename import Table, rename
from .state_dict import State, first_few, mismatch

VIDEOMAE: Table = [  # authors', ours (which is MMAction2's below its `backbone.`)
    ('patch_embed.proj.', 'patch_embed.projection.'),
    ('fc_norm.', 'fc_norm.'),
    ('blocks.{i}.mlp.fc1.', 'blocks.{i}.mlp.layers.0.0.'),
    ('blocks.{i}.mlp.fc2.', 'blocks.{i}.mlp.layers.1.'),
    ('blocks.{i}.', 'blocks.{i}.'),
]


def below(state: State, prefix: str, drop: Tuple[str, ...] = ()) -> State:
    """The entries below ``prefix``, which is taken off, without those that begin with one of ``drop``."""
    found = {k[len(prefix):]: v for k, v in state.items() if k.startswith(prefix)}
    return OrderedDict((k, v) for k, v in found.items() if not (drop and k.startswith(drop)))


def read_expert(path: str) -> State:
    """Weights of one expert's tower from any of the files that people have.

    OpenAI's CLIP archive (TorchScript), open_clip files, the VideoMAE authors' pre-trained and
    fine-tuned ones, MMAction2's VideoMAE, or a file that ``expert_checkpoint.py`` wrote.

    Args:
        path: the file.

    Returns:
        tensors by the tower's own names. Parts that CAST has no use for (CLIP's text tower and
        projection, VideoMAE's decoder, encoder norm and classifier) are left out.

    Raises:
        InputError: if the file is of none of these kinds.
    """
    state, _ = unwrap(read_checkpoint(path))
    if all(k.startswith('module.') for k in state):
        state = below(state, 'module.')
    if 'visual.conv1.weight' in state:  # CLIP, OpenAI's and open_clip's
        return below(state, 'visual.', ('proj', ))
    if 'conv1.weight' in state:  # ours, CLIP
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
    """Adds the post norm that a VideoMAE pre-training file lacks, as LayerNorm starts."""
    width = state['patch_embed.projection.bias']
    state.setdefault('fc_norm.weight', torch.ones_like(width))
    state.setdefault('fc_norm.bias', torch.zeros_like(width))
    return state


def load_strictly(tower: Any, path: str, read: Callable[[str], State] = read_expert,
                  fit: Callable[[State], Dict[str, str]] = lambda state: {}) -> None:
    """Loads a tower's weights strictly.

    Args:
        tower: an expert's ``tower``.
        path: any file that ``read`` knows.
        read: file to tensors by the tower's names.
        fit: resizes position tables in place, and says which and how.

    Raises:
        MissingFileError: if there is no such file.
        InputError: naming what is missing, extra or of the wrong shape.
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
