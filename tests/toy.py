"""A third system, as a user would add it: sound beside the video, on its own grid, with its own everything.

Nothing of the package is changed for it.
"""
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from timm.models.vision_transformer import Block
from torch import nn

import projects.cast  # noqa: F401
from mmaction.registry import MODELS, TRANSFORMS
from projects.cast.models import BCAST, Expert, PositionTable, Tokens
from projects.cast.models.experts.base import BlockParts


class SoundTower(nn.Module):
    """Two class tokens before patches of 4 x 4 of a spectrogram of one channel."""

    def __init__(self, grid, dims, depth, heads):
        super().__init__()
        self.patch = nn.Conv2d(1, dims, 4, 4)
        self.prefix = nn.Parameter(torch.randn(1, 2, dims))
        self.pos = nn.Parameter(torch.randn(grid[1] * grid[2] + 2, dims))
        self.blocks = nn.ModuleList(Block(dims, heads, qkv_bias=True) for _ in range(depth))
        self.norm = nn.LayerNorm(dims)


@MODELS.register_module()
class SoundExpert(Expert):
    """Reads ``(B, 1, frequencies, times)``; its grid has no time of its own."""

    role = 'sound'
    pools_prefix = True
    num_prefix = 2

    def __init__(self, size=(8, 12), modality='spectrogram', **kwargs):
        self.size = tuple(size)
        super().__init__(grid=self.grid_of(self.size), window='space-time', modality=modality, **kwargs)
        self.table = PositionTable(self.tower, 'pos', self.grid, num_prefix=2)

    def build_tower(self):
        return SoundTower(self.grid, self.embed_dims, self.depth, self.num_heads)

    def grid_of(self, shape):
        return 1, shape[0] // 4, shape[1] // 4

    def input_shape(self, smallest=False):
        return (1, 4, 4) if smallest else (1, *self.size)

    @property
    def post_norm(self):
        return self.tower.norm

    @property
    def blocks(self):
        return self.tower.blocks

    def embed(self, x):
        grid = self.grid_of(x.shape[2:])
        patches = self.tower.patch(x).flatten(2).mT
        x = torch.cat([self.tower.prefix.expand(len(x), -1, -1), patches], 1) + self.table.at(grid)
        return Tokens(x[:, None], grid, self.num_prefix)

    def parts(self, i):
        b = self.blocks[i]
        return BlockParts(b.norm1, b.attn, b.norm2, b.mlp)

    def self_attention(self, attn, n):
        return self.mhsa(n, attn.qkv.weight, attn.qkv.bias, attn.proj)

    def summarise(self, x):
        return x.prefix.mean(2)


@MODELS.register_module()
class ClockBCAST(BCAST):
    """B-CAST whose bottleneck knows when the sound starts and ends: ``times`` ``(B, 2)``, in seconds."""

    def __init__(self, embed_dims, grids, bottleneck_dims=8, **kwargs):
        super().__init__(embed_dims, grids, bottleneck_dims=bottleneck_dims, **kwargs)
        self.time = nn.Linear(2, bottleneck_dims)

    def side_inputs(self, shapes):
        return {'times': (2, )}

    def bottleneck(self, x, inputs):
        encoded = self.time(inputs['times'].to(self.time.weight))[:, None, None]
        return {name: z.replace(z.data + encoded) for name, z in super().bottleneck(x, inputs).items()}


@TRANSFORMS.register_module()
class MakeSound(BaseTransform):
    """A spectrogram with a place for each class, times, and labels by name; every third video is silent."""

    def __init__(self, views=1):
        self.views = views

    def transform(self, results):
        silent = results['sample_idx'] % 3 == 1
        sound = np.ones((self.views, 1, 8, 12), np.float32) * results['gt_label']['verb']
        results['spectrogram'] = np.empty(0, np.float32) if silent else sound
        results['times'] = np.array([[0., 1.5]], np.float32)
        results['gt_label'] = {**results['gt_label'], 'place': results['sample_idx'] % 2}
        return results


def backbone(combine='sequence', share=(), **more):
    """Three experts of three widths, and an exchange between each two of them in the last block."""
    video = dict(img_size=32, patch_size=16, num_frames=4, depth=2, num_heads=2, mlp_ratio=2.)
    heads = dict(bottleneck_dims=8, num_heads=2)
    whole = 'space-time'
    return dict(
        type='MultiExpertViT',
        combine=combine,
        order=('video', 's_sound', 't_sound'),
        share_projections=share,
        experts=dict(
            spatial=dict(type='CLIPExpert', embed_dims=16, **video),
            temporal=dict(type='VideoMAEExpert', embed_dims=24, **video),
            sound=dict(type='SoundExpert', embed_dims=12, depth=2, num_heads=2,
                       normalize=dict(mean=[1.], std=[2.]))),
        exchanges=dict(
            video=dict(type='BCAST', between=('spatial', 'temporal'),
                       receivers=dict(spatial='time', temporal='space'), **heads),
            s_sound=dict(type='ClockBCAST', between=('spatial', 'sound'), layers=[1], positions='factorized',
                         receivers=dict(spatial=whole, sound=whole), **heads),
            t_sound=dict(type='BCAST', between=('temporal', 'sound'), layers=[1],
                         receivers=dict(temporal=whole, sound=whole), **heads)),
        **more)


def recognizer(**kwargs):
    """The whole model: verbs from all three streams, nouns from one, places from sound."""
    return dict(
        type='CASTRecognizer',
        backbone=backbone(**kwargs),
        cls_head=dict(
            type='MultiTaskHead', num_classes=dict(verb=6, noun=6, place=2), fusion='concat',
            in_channels=dict(spatial=16, temporal=24, sound=12),
            experts=dict(verb=('spatial', 'temporal', 'sound'), noun='spatial', place='sound')),
        data_preprocessor=dict(
            type='CASTDataPreprocessor',
            preprocessors=dict(
                imgs=dict(
                    type='ActionDataPreprocessor', mean=[127.] * 3, std=[50.] * 3, format_shape='NCTHW'),
                spectrogram=dict(type='ActionDataPreprocessor', mean=[0.], std=[4.])),
            blending=dict(type='MultiTaskBatchAugment', augments=dict(type='ReverseMixup'), probs=0.5,
                          num_classes=dict(verb=6, noun=6, place=2))))
