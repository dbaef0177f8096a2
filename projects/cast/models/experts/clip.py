"""The spatial expert: CLIP's image tower (https://arxiv.org/abs/2103.00020) from open_clip."""
import torch
from einops import rearrange
from open_clip.transformer import VisionTransformer
from torch import Tensor, nn

from mmaction.registry import MODELS

from ..layers import WINDOWS, Grid, PositionTable, Tokens, quick_gelu
from .base import BlockParts
from .video import VideoExpert


class QuickGELU(nn.Module):
    """``x sigmoid(1.702 x)``."""

    plain = False

    def forward(self, x: Tensor) -> Tensor:
        """Applies the activation to ``(..., D)``."""
        return quick_gelu(x, self.plain)


@MODELS.register_module()
class CLIPExpert(VideoExpert):
    """CLIP ViT run on the second frame of each pair, with attention within the frame (section 3.1).

    Args:
        quick_gelu: Whether to use OpenAI's activation, as open_clip's ``*-quickgelu`` models do. Most other
            files of open_clip (LAION, DataComp) were trained with GELU and need False; the file does not say.
        post_norm_eps: Epsilon of the norm of the pooled feature.
        kwargs: See :class:`VideoExpert`. With ``tubelet_size=1``, the expert reads every frame.
    """

    pools_prefix = True
    num_prefix = 1

    def __init__(self, quick_gelu: bool = True, post_norm_eps: float = 1e-5, **kwargs) -> None:
        self.act_layer = QuickGELU if quick_gelu else nn.GELU
        super().__init__(**kwargs)
        self.tower.ln_post.eps = post_norm_eps
        self.table = PositionTable(
            self.tower, 'positional_embedding', self.grid, WINDOWS['space'].spans, self.num_prefix)

    def build_tower(self) -> nn.Module:
        tower = VisionTransformer(
            self.native_size[1:], self.tube[1], self.embed_dims, self.depth, self.num_heads, self.mlp_ratio,
            act_layer=self.act_layer)
        tower.proj = None  # CAST stops before the projection into the joint space of images and texts
        return tower

    @property
    def post_norm(self) -> nn.Module:
        return self.tower.ln_post

    def embed(self, x: Tensor) -> Tokens:
        tower, grid = self.tower, self.grid_of(x.shape[2:])
        x = rearrange(tower.conv1(self.frames(x)), '(b t) d h w -> b t (h w) d', t=grid[0])
        cls = tower.class_embedding.to(x).expand(*x.shape[:2], 1, -1)
        x = torch.cat([cls, x], dim=2) + self.positions(grid).to(x)
        return Tokens(tower.ln_pre(x), grid, self.num_prefix)

    def positions(self, grid: Grid) -> Tensor:
        """Returns the positions of the class token and patches, ``(1 + S, D)`` or ``(T, 1 + S, D)``."""
        return self.table.at(grid)

    @property
    def blocks(self):
        return self.tower.transformer.resblocks

    def parts(self, i: int) -> BlockParts:
        b = self.blocks[i]
        return BlockParts(b.ln_1, b.attn, b.ln_2, b.mlp)

    def self_attention(self, attn, n: Tokens, window=None) -> Tensor:
        return self.mhsa(n, attn.in_proj_weight, attn.in_proj_bias, attn.out_proj, window)

    def summarise(self, x: Tokens) -> Tensor:
        """Returns the class tokens; their mean over time, after ``ln_post``, is CLS in eq. 6."""
        return x.prefix[:, :, 0]
