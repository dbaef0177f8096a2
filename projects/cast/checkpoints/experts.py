"""Reads the tower of an expert from commonly available files.

The files use the names of OpenAI's CLIP and open_clip (the same, below ``visual.``), of the authors of
VideoMAE, of MMAction2's VideoMAE, or those of AST (see ``ast.py``).
"""
import torch

from ..utils import InputError
from .ast import ast_tower
from .reader import read_checkpoint, unwrap
from .rename import Table, below, rename
from .state_dict import State, first_few

VIDEOMAE: Table = [  # authors', ours (MMAction2's below `backbone.`)
    ('patch_embed.proj.', 'patch_embed.projection.'),
    ('fc_norm.', 'fc_norm.'),
    ('blocks.{i}.mlp.fc1.', 'blocks.{i}.mlp.layers.0.0.'),
    ('blocks.{i}.mlp.fc2.', 'blocks.{i}.mlp.layers.1.'),
    ('blocks.{i}.', 'blocks.{i}.'),
]


def read_expert(path: str) -> State:
    """Reads the weights of an expert's tower from any supported file.

    These are OpenAI's CLIP archive (TorchScript), open_clip files, the pre-trained and fine-tuned files of
    the VideoMAE authors, MMAction2's VideoMAE, any form of AST, or a file that ``expert_checkpoint.py``
    wrote.

    Args:
        path: Path of the file.

    Returns:
        Tensors by the tower's own names. Parts that CAST does not use (CLIP's text tower and projection;
        VideoMAE's decoder, encoder norm and classifier; AST's classifiers) are left out.

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
    audio = ast_tower(state)
    if audio:
        return audio
    for prefix in ('encoder.', 'backbone.', ''):  # VideoMAE: pre-trained, MMAction2's, fine-tuned
        if f'{prefix}patch_embed.projection.weight' in state:
            return with_fc_norm(below(state, prefix, ('pos_embed', 'norm.')))
        if f'{prefix}patch_embed.proj.weight' in state:
            tower = below(state, prefix, ('pos_embed', 'norm.', 'head.'))
            try:
                return with_fc_norm(rename(tower, VIDEOMAE))
            except InputError as error:
                raise InputError(f'{path}: as a VideoMAE, {error} (an AST or a distilled DeiT would have a '
                                 'dist_token)') from error
    raise InputError(f'{path}: no CLIP, VideoMAE or AST checkpoint that we know; its '
                     f'{len(state)} keys begin with {first_few(state)}')


def with_fc_norm(state: State) -> State:
    """Adds the post norm that a VideoMAE pre-training file lacks, with LayerNorm's initial values."""
    width = state['patch_embed.projection.bias']
    state.setdefault('fc_norm.weight', torch.ones_like(width))
    state.setdefault('fc_norm.bias', torch.zeros_like(width))
    return state
