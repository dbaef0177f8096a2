"""Reads the tower of the Audio Spectrogram Transformer, a distilled DeiT, by timm's parameter names."""
from collections import OrderedDict
from typing import Optional

import torch

from .rename import Table, below, rename
from .state_dict import State

HUGGING_FACE: Table = [  # theirs, timm's; names of the files on the hub, and names since transformers 5
    ('embeddings.cls_token', 'cls_token'),
    ('embeddings.distillation_token', 'dist_token'),
    ('embeddings.position_embeddings', 'pos_embed'),
    ('embeddings.patch_embeddings.projection.', 'patch_embed.proj.'),
    *[(f'{block}.{{i}}.{theirs}.', f'blocks.{{i}}.{ours}.')
      for block, parts in [
          ('encoder.layer', [('attention.attention.query', 'attn.q'), ('attention.attention.key', 'attn.k'),
                             ('attention.attention.value', 'attn.v'), ('attention.output.dense', 'attn.proj'),
                             ('intermediate.dense', 'mlp.fc1'), ('output.dense', 'mlp.fc2')]),
          ('layers', [('attention.q_proj', 'attn.q'), ('attention.k_proj', 'attn.k'),
                      ('attention.v_proj', 'attn.v'), ('attention.o_proj', 'attn.proj'),
                      ('mlp.fc1', 'mlp.fc1'), ('mlp.fc2', 'mlp.fc2')])]
      for theirs, ours in [('layernorm_before', 'norm1'), ('layernorm_after', 'norm2'), *parts]],
    ('layernorm.', 'norm.'),
]


def ast_tower(state: State) -> Optional[State]:
    """Returns the tower's tensors by timm's names, or None if the file is not one of AST.

    Args:
        state: Tensors of the file, by the names of AST's authors (``v.``), of timm or of Hugging Face.
    """
    for prefix in ('v.', 'audio_spectrogram_transformer.', ''):
        if f'{prefix}dist_token' in state:
            return below(state, prefix, ('head.', 'head_dist.'))  # classes of ImageNet
        if f'{prefix}embeddings.distillation_token' in state:
            return fused(rename(below(state, prefix), HUGGING_FACE))
    return None


def fused(state: State) -> State:
    """Joins the projections of queries, keys and values as timm does; Hugging Face keeps them apart."""
    joined = OrderedDict()
    for key, value in state.items():
        if '.attn.q.' in key:
            names = [key.replace('.attn.q.', f'.attn.{part}.') for part in 'qkv']
            joined[key.replace('.attn.q.', '.attn.qkv.')] = torch.cat([state[n] for n in names if n in state])
        elif '.attn.k.' not in key and '.attn.v.' not in key:
            joined[key] = value
    return joined
