"""The temporal expert: VideoMAE's ViT (https://arxiv.org/abs/2203.12602) from MMAction2."""
from typing import Optional

import torch
from einops import rearrange
from torch import Tensor, nn

from mmaction.models.backbones.vit_mae import VisionTransformer, get_sinusoid_encoding
from mmaction.registry import MODELS
from mmaction.utils import ConfigType

from ..tokens import Grid, Tokens, resize_positions
from .base import Block, Expert, ImgSize


@MODELS.register_module()
class VideoMAEExpert(Expert):
    """VideoMAE ViT over tubes of two frames, joint space-time attention (section 3.1).

    Its fixed sine-cosine position table is computed, not stored.

    Args:
        mlp_ratio: width of the feed-forward layers over ``embed_dims``.
        init_cfg: how the tower starts when it is trained from scratch; None is MMAction2's default.
        kwargs, and the others: see :class:`Expert`; ViT-B/16 by default.
    """

    def __init__(self,
                 img_size: ImgSize = 224,
                 patch_size: int = 16,
                 num_frames: int = 16,
                 embed_dims: int = 768,
                 depth: int = 12,
                 num_heads: int = 12,
                 mlp_ratio: float = 4.,
                 window: str = 'space-time',
                 init_cfg: Optional[ConfigType] = None,
                 **kwargs) -> None:
        tower = VisionTransformer(
            img_size=patch_size, patch_size=patch_size, embed_dims=embed_dims, depth=depth,
            num_heads=num_heads, mlp_ratio=mlp_ratio, num_frames=num_frames,
            **(dict(init_cfg=init_cfg) if init_cfg else {}))
        super().__init__(tower, img_size, patch_size, num_frames, embed_dims, depth, num_heads, window,
                         **kwargs)
        # the tower takes a square only, and needs the size for nothing else
        t, h, w = self.grid
        tower.register_buffer('pos_embed', get_sinusoid_encoding(t * h * w, embed_dims), persistent=False)
        tower.grid_size = (h, w)

    @property
    def post_norm(self) -> nn.Module:
        return self.tower.fc_norm

    def embed(self, clip: Tensor) -> Tokens:
        grid = self.tubes(clip)
        # contiguous: every later sum with x would take over its strides, and every norm copy it
        x = rearrange(self.tower.patch_embed.projection(clip), 'b d t h w -> b t (h w) d').contiguous()
        return Tokens(x + self.positions(grid).flatten(1, 2).to(x), grid)

    def positions(self, grid: Grid) -> Tensor:
        """Position table, ``(T, H, W, D)``."""
        return resize_positions(self.tower.pos_embed.view(*self.grid, -1), grid)

    def set_grid(self, grid: Grid) -> None:
        self.tower.pos_embed = self.positions(grid).flatten(0, 2)[None]
        self.grid, self.tower.grid_size = grid, grid[1:]

    @property
    def blocks(self):
        return self.tower.blocks

    def block(self, i: int) -> Block:
        b = self.blocks[i]
        return Block(b.norm1, b.attn, b.norm2, b.mlp)

    def self_attention(self, attn, n: Tokens) -> Tensor:
        bias = torch.cat([attn.q_bias, torch.zeros_like(attn.q_bias), attn.v_bias])  # keys have no bias
        return self.mhsa(n, attn.qkv.weight, bias, attn.proj)

    def pool(self, x: Tokens) -> Tensor:
        """Mean over all tokens, then ``fc_norm``: GAP in eq. 6."""
        return self.post_norm(x.data.mean(dim=(1, 2)))
