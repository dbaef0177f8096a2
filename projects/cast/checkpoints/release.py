"""The names of our parameters in the checkpoints that the authors released."""
from .rename import Table

_S, _T, _X = 'backbone.experts.spatial.', 'backbone.experts.temporal.', 'backbone.exchanges.{i}.b_cast.'
_CLIP, _VMAE = _S + 'tower.transformer.resblocks.{i}.', _T + 'tower.blocks.{i}.'

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
                           ('t2s_proj.', 'proj.')]],  # the release uses this name in S2T, too
    ('head_verb.', 'cls_head.fc_cls.verb.'),
    ('head_noun.', 'cls_head.fc_cls.noun.'),
    *[(f'{theirs}.D_fc{n}.', f'cls_head.adapters.{ours}.{part}.')
      for theirs, ours in [('noun_last_Adapter', 'spatial'), ('verb_last_Adapter', 'temporal')]
      for n, part in [(1, 'down'), (2, 'up')]],
    ('head.', 'cls_head.fc_cls.'),
]
