"""The temporal expert: VideoMAE's ViT (https://arxiv.org/abs/2203.12602) from MMAction2."""
from typing import Optional, Tuple

import torch
from einops import rearrange
from torch import Tensor, nn

from mmaction.models.backbones.vit_mae import VisionTransformer, get_sinusoid_encoding
from mmaction.registry import MODELS
from mmaction.utils import ConfigType

from ..layers import PositionTable, Tokens
from .base import BlockParts
from .video import VideoExpert


@MODELS.register_module()
class VideoMAEExpert(VideoExpert):
    """VideoMAE ViT over tubes of two frames, with joint space-time attention (section 3.1).

    Its fixed sine-cosine position table is computed rather than stored.

    Args:
        window: See :class:`VideoExpert`.
        init_cfg: Initialisation of a tower that is trained from scratch. None is MMAction2's default.
        kwargs: See :class:`VideoExpert`.
    """

    role = 'temporal'

    def __init__(self, window: str = 'space-time', init_cfg: Optional[ConfigType] = None, **kwargs) -> None:
        self.tower_init_cfg = dict(init_cfg=init_cfg) if init_cfg else {}
        super().__init__(window=window, **kwargs)
        self.table = PositionTable(self.tower, 'pos_embed', self.grid)

    def build_tower(self) -> nn.Module:
        patch = self.tube[1]
        tower = VisionTransformer(  # takes only square sizes, and uses them only for positions
            img_size=patch, patch_size=patch, embed_dims=self.embed_dims, depth=self.depth,
            num_heads=self.num_heads, mlp_ratio=self.mlp_ratio, num_frames=self.native_size[0],
            tubelet_size=self.tube[0], **self.tower_init_cfg)
        t, h, w = self.grid
        tower.grid_size = (h, w)
        tower.register_buffer(
            'pos_embed', get_sinusoid_encoding(t * h * w, self.embed_dims), persistent=False)
        return tower

    def set_input_size(self, size: Tuple[int, ...]) -> None:
        super().set_input_size(size)
        self.tower.grid_size = self.grid[1:]

    @property
    def post_norm(self) -> nn.Module:
        return self.tower.fc_norm

    def embed(self, x: Tensor) -> Tokens:
        grid = self.grid_of(x.shape[2:])
        # contiguous, or every later sum with x would inherit its strides and every norm would copy it
        x = rearrange(self.tower.patch_embed.projection(x), 'b d t h w -> b t (h w) d').contiguous()
        positions = self.table.at(grid).view(1, *x.shape[1:])
        return Tokens(x + positions.to(x), grid)

    @property
    def blocks(self):
        return self.tower.blocks

    def parts(self, i: int) -> BlockParts:
        b = self.blocks[i]
        return BlockParts(b.norm1, b.attn, b.norm2, b.mlp)

    def self_attention(self, attn, n: Tokens) -> Tensor:
        bias = torch.cat([attn.q_bias, torch.zeros_like(attn.q_bias), attn.v_bias])  # keys have no bias
        return self.mhsa(n, attn.qkv.weight, bias, attn.proj)

    def summarise(self, x: Tokens) -> Tensor:
        """Returns the mean over each frame's tokens; their mean over time, normalised, is GAP in eq. 6."""
        return x.data.mean(2)
