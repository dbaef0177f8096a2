"""The spatial expert: CLIP's image tower (https://arxiv.org/abs/2103.00020) from open_clip."""
from typing import Optional, Set

import torch
from einops import rearrange
from open_clip.transformer import VisionTransformer
from torch import Tensor, nn

from mmaction.registry import MODELS

from .. import lean
from ..adapter import Adapter
from ..tokens import Grid, Tokens, resize_positions
from .base import Block, Expert, ImgSize


class QuickGELU(nn.Module):
    """``x sigmoid(1.702 x)``."""

    plain = False

    def forward(self, x: Tensor) -> Tensor:
        """``(..., D)`` to ``(..., D)``."""
        return lean.quick_gelu(x, self.plain)


@MODELS.register_module()
class CLIPExpert(Expert):
    """CLIP ViT run on the second frame of each pair, attention within the frame (section 3.1).

    Args:
        mlp_ratio: width of the feed-forward layers over ``embed_dims``.
        quick_gelu: OpenAI's activation, and that of open_clip's ``*-quickgelu`` models. Most other files of
            open_clip (LAION, DataComp) were trained with GELU and need False; a file does not tell.
        kwargs, and the others: see :class:`Expert`; ViT-B/16 by default. With ``tubelet_size=1`` it sees
            every frame.
    """

    pools_prefix = True
    num_prefix = 1

    def __init__(self,
                 img_size: ImgSize = 224,
                 patch_size: int = 16,
                 num_frames: int = 16,
                 embed_dims: int = 768,
                 depth: int = 12,
                 num_heads: int = 12,
                 mlp_ratio: float = 4.,
                 window: str = 'space',
                 quick_gelu: bool = True,
                 **kwargs) -> None:
        tower = VisionTransformer(
            img_size, patch_size, embed_dims, depth, num_heads, mlp_ratio,
            act_layer=QuickGELU if quick_gelu else nn.GELU)
        tower.proj = None  # CAST stops before the projection into the space shared with text
        super().__init__(tower, img_size, patch_size, num_frames, embed_dims, depth, num_heads, window,
                         **kwargs)

    @property
    def post_norm(self) -> nn.Module:
        return self.tower.ln_post

    def embed(self, clip: Tensor) -> Tokens:
        tower, grid = self.tower, self.tubes(clip)
        x = rearrange(tower.conv1(self.frames(clip)), '(b t) d h w -> b t (h w) d', t=grid[0])
        cls = tower.class_embedding.to(x).expand(*x.shape[:2], 1, -1)
        x = torch.cat([cls, x], dim=2) + self.positions(grid).to(x)
        return Tokens(tower.ln_pre(x), grid, self.num_prefix)

    def set_grid(self, grid: Grid) -> None:
        self.tower.positional_embedding.data = CLIPExpert.positions(self, grid)
        self.grid, self.tower.grid_size = grid, grid[1:]

    def no_weight_decay(self) -> Set[str]:
        """Names of the parameters that weight decay leaves alone."""
        return {'tower.positional_embedding'}

    def positions(self, grid: Grid) -> Tensor:
        """Position embedding for the class token and the patches, ``(1 + S, D)``."""
        cls, patches = self.tower.positional_embedding.split([1, self.grid[1] * self.grid[2]])
        table = patches.view(1, *self.grid[1:], -1)
        return torch.cat([cls, resize_positions(table, (1, *grid[1:])).flatten(0, 2)])

    @property
    def blocks(self):
        return self.tower.transformer.resblocks

    def block(self, i: int) -> Block:
        b = self.blocks[i]
        return Block(b.ln_1, b.attn, b.ln_2, b.mlp)

    def self_attention(self, attn, n: Tokens, window: Optional[str] = None) -> Tensor:
        return self.mhsa(n, attn.in_proj_weight, attn.in_proj_bias, attn.out_proj, window)

    def pool(self, x: Tokens) -> Tensor:
        """Mean over time of the class tokens, then ``ln_post``: CLS in eq. 6."""
        return self.post_norm(x.prefix.mean(dim=(1, 2)))


@MODELS.register_module()
class AIMExpert(CLIPExpert):
    """AIM (https://arxiv.org/abs/2302.03024): CLIP that attends over time first, by the same frozen weights.

    ``x = x + ADAP(MHSA_time(LN(x)))`` comes before eq. 3 and 5 in every block; a table tells the frames
    apart. Three adapters a block learn, the paper's 11 M for K400. It is the paper's adapter-only
    baseline (tables 2, 9 to 11), and sees every frame.

    Args:
        adapter_ratio: adapter bottleneck over D.
        time_adapter_in: a fourth adapter, with a skip, before the attention over time: the 14 M of EK100
            and SSV2.
        kwargs: see :class:`CLIPExpert`.
    """

    def __init__(self, adapter_ratio: float = 0.25, time_adapter_in: bool = False, tubelet_size: int = 1,
                 **kwargs) -> None:
        super().__init__(adapter_ratio=adapter_ratio, tubelet_size=tubelet_size, **kwargs)
        self.time_pos = nn.Parameter(torch.zeros(self.grid[0], self.embed_dims))
        self.time_adapters, self.time_adapters_in = (
            nn.ModuleList(Adapter(self.embed_dims, adapter_ratio) for _ in range(count))
            for count in (self.depth, self.depth if time_adapter_in else 0))

    def positions(self, grid: Grid) -> Tensor:
        """Position embedding for every frame, ``(T, 1 + S, D)``."""
        return super().positions(grid) + self.times(grid)[:, None]

    def times(self, grid: Grid) -> Tensor:
        """Position embedding over time, ``(T, D)``."""
        table = self.time_pos.view(-1, 1, 1, self.embed_dims)
        return resize_positions(table, (grid[0], 1, 1)).flatten(0, 2)

    def set_grid(self, grid: Grid) -> None:
        self.time_pos.data = self.times(grid)
        super().set_grid(grid)

    def no_weight_decay(self) -> Set[str]:
        return super().no_weight_decay() | {'time_pos'}

    def attend(self, i: int, x: Tokens) -> Tokens:
        """Attention over time, of class tokens too, then eq. 3."""
        block = self.block(i)
        n = block.norm1(x.data)
        if self.time_adapters_in:
            n = n + self.time_adapters_in[i](n)
        a = self.time_adapters[i](self.self_attention(block.attn, x.replace(n), 'time'))
        return super().attend(i, x.replace(x.data + self.drop_paths[i](a)))

    def adapters(self):
        return [*super().adapters(), self.time_adapters, self.time_adapters_in]
