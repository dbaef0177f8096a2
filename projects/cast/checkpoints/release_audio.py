"""The names of our parameters in checkpoints of CA2ST and CAVA (https://arxiv.org/abs/2503.23447).

The authors' research program reuses CAST's names, but not always with their meaning: in CAVA, S is the audio
expert and T is CLIP, and in the names of CAVA's position tables, ``clip`` is audio and ``vmae`` is CLIP.
"Theirs" are the program's names, "ours" those of this package.
"""
from typing import Tuple

from .release import RELEASE
from .rename import Table

_E, _X = 'backbone.experts.', 'backbone.exchanges.{i}.'
_HEADS = ('head', 'noun_last', 'verb_last')

AST: Table = [  # theirs, ours
    *[(f'ast_{name}', f'{_E}audio.tower.{name}')
      for name in ('cls_token', 'dist_token', 'pos_embed', 'patch_embed.', 'norm.')],
    *[(f'blocks.{{i}}.ast_{part}.', f'{_E}audio.tower.blocks.{{i}}.{part}.')
      for part in ('norm1', 'attn', 'norm2', 'mlp')],
    ('audio_ln_post.', None),  # never used
]


def adapters(theirs: str, expert: str) -> Table:
    """Rows of the adapters in an expert's blocks; their names begin with ``theirs``."""
    return [(f'blocks.{{i}}.{theirs}_{kind}.D_fc{n}.', f'{_E}{expert}.{ours}.{{i}}.{part}.')
            for kind, ours in [('Adapter', 'attn_adapters'), ('MLP_Adapter', 'ffn_adapters')]
            for n, part in [(1, 'down'), (2, 'up')]]


def projections(theirs: str, ours: str, sides: Tuple[Tuple[str, str], ...]) -> Table:
    """Rows of an exchange without its attention; ``sides`` pairs their letters with our experts."""
    return [row for letter, expert in sides
            for row in [(f'{theirs}cross_{letter}_down.', f'{_X}{ours}.down.{expert}.'),
                        (f'{theirs}ln_{letter}_cross.', f'{_X}{ours}.norm.{expert}.'),
                        (f'{theirs}cross_{letter}_up.', f'{_X}{ours}.up.{expert}.')]]


def attention(theirs: str, ours: str, query: str, context: str, q: str = '', proj: str = 'proj') -> Table:
    """Rows of a cross-attention.

    Args:
        theirs, ours: Names of the module.
        query, context: What the program calls the two experts in its position tables.
        q: What precedes ``q`` and ``kv`` in the program's names.
        proj: The program's name of the output projection.
    """
    return [*[(f'{theirs}.{q}{name}{end}', f'{_X}{ours}.{name}.{part}')
              for name in ('q', 'kv') for end, part in [('.weight', 'weight'), ('_bias', 'bias')]],
            (f'{theirs}.{proj}.', f'{_X}{ours}.proj.'),
            *[(f'{theirs}.{who}_{axis}_pos', f'{_X}{ours}.tables.{table}_pos.{name}')
              for table, who in [('query', query), ('context', context)]
              for axis, name in [('space', 'space'), ('temporal', 'time')]]]


def pair(theirs: str, name: str, expert: str, table: str) -> Table:
    """Rows of the exchange between an expert and audio.

    Args:
        theirs: The program's letter for the expert.
        name: Our name of the exchange.
        expert: Our name of the expert.
        table: What the program calls the expert in its position tables.
    """
    block = f'blocks.{{i}}.{theirs}_audio_b_cast.'
    return [*projections(block, name, (('l', expert), ('r', 'audio'))),
            *attention(f'{block}l2r_cross', f'{name}.attn.audio', 'audio', table),
            *attention(f'{block}r2l_cross', f'{name}.attn.{expert}', table, 'audio')]


def time_encoding(layers: Tuple[str, ...]) -> Table:
    """Rows of the time encoding; ``layers`` are the program's indices of the layers of its MLPs."""
    return [(f'{prefix}time_mlp.{theirs}.', f'backbone.time_encoding.mlp.{name}.{ours}.')
            for prefix, name in [('audio_', 'audio'), ('', 'video')] for theirs, ours in zip(layers, '0246')]


def heads(**experts: str) -> Table:
    """Rows of the head; ``experts`` maps the beginning of each of their adapters' names to our name."""
    rows: Table = [(f'{theirs}_last_Adapter.{fc}.', f'cls_head.adapters.{ours}.{part}.')
                   for theirs, ours in experts.items() for sound in [theirs.startswith('audio')]
                   for fc, part in ([('c_fc', 'down'), ('c_proj', 'up')] if sound else
                                    [('D_fc1', 'down'), ('D_fc2', 'up')])]
    return rows + [row for row in RELEASE if row[0].startswith('head')]


def video_pair(theirs: str) -> str:
    """Turns CAST's name of a tensor into CA2ST's."""
    for old, new in [('cross_s_', 'cross_l_'), ('cross_t_', 'cross_r_'), ('ln_s_cross', 'ln_l_cross'),
                     ('ln_t_cross', 'ln_r_cross'), ('s2t_cross', 'l2r_cross'), ('t2s_cross', 'r2l_cross')]:
        theirs = theirs.replace(f'.{old}', f'.s_t_b_cast.{new}')
    return theirs


CA2ST: Table = [
    *[(video_pair(theirs), ours) for theirs, ours in RELEASE if not theirs.startswith(_HEADS)],
    *AST, *adapters('Audio', 'audio'),
    *pair('s', 'spatial_audio', 'spatial', 'clip'), *pair('t', 'temporal_audio', 'temporal', 'vmae'),
    *time_encoding(('0', '2', '4', '6'))]
CA2ST_ONE_LABEL = CA2ST + heads(noun='spatial', verb='temporal', audio_verb='audio')
CA2ST_VERB_NOUN = CA2ST + heads(noun='noun.spatial', verb='verb.temporal', audio_noun='noun.audio',
                                audio_verb='verb.audio')
CAVA: Table = [
    *[row for row in RELEASE if 'clip_' in row[0] and '_cross' not in row[0]],
    *AST, *adapters('S', 'audio'), *adapters('T', 'spatial'),
    *projections('blocks.{i}.', 'spatial_audio', (('s', 'audio'), ('t', 'spatial'))),
    *attention('blocks.{i}.t2s_cross', 'spatial_audio.attn.audio', 'clip', 'vmae', 't2s_', 't2s_proj'),
    *attention('blocks.{i}.s2t_cross', 'spatial_audio.attn.spatial', 'vmae', 'clip', 's2t_', 't2s_proj'),
    *time_encoding(('0', '2.0', '3.0', '4')),
    *heads(noun='audio', verb='spatial')]
