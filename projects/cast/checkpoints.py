"""Checkpoints of others and ours: ordered rename tables, then strict loading.

Names: the release's as its checkpoints have them; OpenAI's CLIP and open_clip's (the same, under
``visual.``); the VideoMAE authors'; MMAction2's VideoMAE.
"""
import re
from collections import OrderedDict
from typing import Any, Callable, List, Tuple

import torch
from mmengine.logging import print_log

from .errors import InputError, MissingFileError
from .models.tokens import resize_positions
from .reader import read_checkpoint
from .state_dict import State, mismatch, some

Table = List[Tuple[str, str]]

_S, _T, _X = 'backbone.experts.spatial.', 'backbone.experts.temporal.', 'backbone.exchanges.{i}.b_cast.'
_CLIP, _VMAE = _S + 'tower.transformer.resblocks.{i}.', _T + 'tower.blocks.{i}.'

VIDEOMAE: Table = [  # authors', ours (which is MMAction2's below its `backbone.`)
    ('patch_embed.proj.', 'patch_embed.projection.'),
    ('fc_norm.', 'fc_norm.'),
    ('blocks.{i}.mlp.fc1.', 'blocks.{i}.mlp.layers.0.0.'),
    ('blocks.{i}.mlp.fc2.', 'blocks.{i}.mlp.layers.1.'),
    ('blocks.{i}.', 'blocks.{i}.'),
]

RELEASE: Table = [  # release, ours
    ('clip_conv1.', _S + 'tower.conv1.'),
    ('clip_class_embedding', _S + 'tower.class_embedding'),
    ('clip_positional_embedding', _S + 'tower.positional_embedding'),
    ('clip_ln_pre.', _S + 'tower.ln_pre.'),
    ('clip_ln_post.', _S + 'tower.ln_post.'),
    ('blocks.{i}.clip_ln_1.', _CLIP + 'ln_1.'),
    ('blocks.{i}.clip_attn.', _CLIP + 'attn.'),
    ('blocks.{i}.clip_ln_2.', _CLIP + 'ln_2.'),
    ('blocks.{i}.clip_mlp.', _CLIP + 'mlp.'),
    ('patch_embed.proj.', _T + 'tower.patch_embed.projection.'),
    ('vmae_fc_norm.', _T + 'tower.fc_norm.'),
    ('blocks.{i}.norm1.', _VMAE + 'norm1.'),
    ('blocks.{i}.attn.', _VMAE + 'attn.'),
    ('blocks.{i}.norm2.', _VMAE + 'norm2.'),
    ('blocks.{i}.mlp.fc1.', _VMAE + 'mlp.layers.0.0.'),
    ('blocks.{i}.mlp.fc2.', _VMAE + 'mlp.layers.1.'),
    *[(f'blocks.{{i}}.{theirs}.D_fc{n}.', f'{expert}{ours}.{{i}}.{part}.')
      for theirs, expert, ours in [('S_Adapter', _S, 'attn_adapters'),
                                   ('S_MLP_Adapter', _S, 'ffn_adapters'),
                                   ('T_Adapter', _T, 'attn_adapters'),
                                   ('T_MLP_Adapter', _T, 'ffn_adapters')]
      for n, part in [(1, 'down'), (2, 'up')]],
    ('blocks.{i}.cross_s_down.', _X + 'down.spatial.'),
    ('blocks.{i}.cross_t_down.', _X + 'down.temporal.'),
    ('blocks.{i}.ln_s_cross.', _X + 'norm.spatial.'),
    ('blocks.{i}.ln_t_cross.', _X + 'norm.temporal.'),
    ('blocks.{i}.cross_s_up.', _X + 'up.spatial.'),
    ('blocks.{i}.cross_t_up.', _X + 'up.temporal.'),
    *[(f'blocks.{{i}}.t2s_cross.{theirs}', f'{_X}attn.spatial.{ours}')
      for theirs, ours in [('clip_time_pos', 'query_pos'), ('vmae_time_pos', 'context_pos'),
                           ('t2s_q_bias', 'q.bias'), ('t2s_q.weight', 'q.weight'),
                           ('t2s_kv_bias', 'kv.bias'), ('t2s_kv.weight', 'kv.weight'),
                           ('t2s_proj.', 'proj.')]],
    *[(f'blocks.{{i}}.s2t_cross.{theirs}', f'{_X}attn.temporal.{ours}')
      for theirs, ours in [('vmae_space_pos', 'query_pos'), ('clip_space_pos', 'context_pos'),
                           ('s2t_q_bias', 'q.bias'), ('s2t_q.weight', 'q.weight'),
                           ('s2t_kv_bias', 'kv.bias'), ('s2t_kv.weight', 'kv.weight'),
                           ('t2s_proj.', 'proj.')]],  # so called in the release, in S2T too
    ('head_verb.', 'cls_head.fc_cls.verb.'),
    ('head_noun.', 'cls_head.fc_cls.noun.'),
    *[(f'{theirs}.D_fc{n}.', f'cls_head.adapters.{ours}.{part}.')
      for theirs, ours in [('noun_last_Adapter', 'spatial'), ('verb_last_Adapter', 'temporal')]
      for n, part in [(1, 'down'), (2, 'up')]],
    ('head.', 'cls_head.fc_cls.'),
]


def rename(state: State, table: Table, reverse: bool = False) -> State:
    """Renames every key by the first row of the table that begins it.

    Args:
        state: tensors by name.
        table: rows ``(old, new)`` of name prefixes, in which ``{i}`` stands for a number.
        reverse: read the rows from right to left.

    Raises:
        InputError: naming the keys that no row knows.
    """
    rows = [(new, old) if reverse else (old, new) for old, new in table]
    patterns = [(re.compile(re.escape(old).replace(r'\{i\}', r'(\d+)')), new) for old, new in rows]
    renamed, unknown = OrderedDict(), []
    for key, value in state.items():
        for pattern, new in patterns:
            match = pattern.match(key)
            if match:
                renamed[new.format(i=(match.groups() or ('', ))[0]) + key[match.end():]] = value
                break
        else:
            unknown.append(key)
    if unknown:
        raise InputError(f'{len(unknown)} of {len(state)} keys are unknown: {some(unknown)}; is '
                         'this a checkpoint of the kind that the command expects?')
    return renamed


def unwrap(checkpoint: dict) -> Tuple[State, str]:
    """The state dict in a checkpoint, and the key it sits under ('' if none)."""
    for key in ('state_dict', 'model', 'module'):
        if isinstance(checkpoint.get(key), dict):
            return checkpoint[key], key
    return checkpoint, ''


def without(state: State, prefix: str, drop: Tuple[str, ...] = ()) -> State:
    """The entries below ``prefix``, less what begins with one of ``drop``, prefix taken off."""
    below = {k[len(prefix):]: v for k, v in state.items() if k.startswith(prefix)}
    return OrderedDict((k, v) for k, v in below.items() if not (drop and k.startswith(drop)))


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
        state = without(state, 'module.')
    if 'visual.conv1.weight' in state:  # CLIP, OpenAI's and open_clip's
        return without(state, 'visual.', ('proj', ))
    if 'conv1.weight' in state:  # ours, CLIP
        return without(state, '', ('proj', ))
    for prefix in ('encoder.', 'backbone.', ''):  # VideoMAE: pre-trained, MMAction2's, fine-tuned
        if f'{prefix}patch_embed.projection.weight' in state:
            return with_fc_norm(without(state, prefix, ('pos_embed', 'norm.')))
        if f'{prefix}patch_embed.proj.weight' in state:
            tower = without(state, prefix, ('pos_embed', 'norm.', 'head.'))
            return with_fc_norm(rename(tower, VIDEOMAE))
    raise InputError(f'{path}: neither a CLIP nor a VideoMAE checkpoint that we know; its '
                     f'{len(state)} keys begin with {some(state)}')


def with_fc_norm(state: State) -> State:
    """Adds the post norm that a VideoMAE pre-training file lacks, as LayerNorm starts."""
    width = state['patch_embed.projection.bias']
    state.setdefault('fc_norm.weight', torch.ones_like(width))
    state.setdefault('fc_norm.bias', torch.zeros_like(width))
    return state


def load_expert(tower: Any, path: str, read: Callable[[str], State] = read_expert) -> None:
    """Loads a tower's weights strictly; a CLIP position table of another size is interpolated.

    Args:
        tower: an expert's ``tower``.
        path: any file that ``read`` knows.
        read: file to tensors by the tower's names.

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
    table, own = state.get('positional_embedding'), getattr(tower, 'positional_embedding', None)
    if table is not None and own is not None and table.shape != own.shape:
        cls, patches = table[:1], table[1:]
        side = int(len(patches)**0.5)
        if side * side == len(patches) and table.shape[1] == own.shape[1]:
            patches = resize_positions(patches.view(1, side, side, -1), (1, *tower.grid_size))
            state['positional_embedding'] = torch.cat([cls, patches.flatten(0, 2)])
            print_log(f'{path}: positions interpolated from {side}x{side} to '
                      f'{"x".join(map(str, tower.grid_size))}', logger='current')
    problem = mismatch(tower.state_dict(), state)
    if problem:
        raise InputError(f'{path} does not fit {type(tower).__name__}: {problem}; choose the file '
                         'or the expert config that belongs to the other')
    tower.load_state_dict(state)
