"""The audio expert: the Audio Spectrogram Transformer, AST (https://arxiv.org/abs/2104.01778)."""
from typing import Tuple

import torch
import torch.nn.functional as F
from einops import rearrange
from mmengine.logging import print_log
from timm.models.deit import VisionTransformerDistilled
from torch import Tensor, nn

from mmaction.registry import MODELS

from ...checkpoints import State
from ...utils import InputError
from ..layers import Grid, PositionTable, Tokens
from .base import BlockParts, Expert

FILE_BINS = 128  # mel bins of AST's files


@MODELS.register_module()
class ASTExpert(Expert):
    """Audio Spectrogram Transformer over a log-mel spectrogram ``(B, 1, rows, mel bins)``, a row every 10 ms.

    AST is a distilled DeiT, so the tower is timm's: files of AST and of timm load under their own names, and
    all norms have AST's epsilon, 1e-6. Files of Hugging Face's ``ASTModel`` can be loaded, too; as that class
    uses 1e-12, its outputs differ slightly. The patches overlap. To the exchanges, a spectrogram is a single
    frame: the grid of the tokens is ``(1, frequencies, times)``, and they are flattened in this order.

    Args:
        num_rows: Native number of rows, AST's ``input_tdim``. For spectrograms with another number of rows,
            the positions are resized; see :class:`SpectrogramPositions`.
        num_mel_bins: Number of mel bins, AST's ``input_fdim``.
        patch_size: Side of a patch.
        stride: Distance between neighbouring patches, in rows and in mel bins.
        drop_attention: Whether drop path also applies to the self-attention, its frozen branch included.
            CA2ST's program does this in the audio stream only.
        weight_init: Initialisation of a tower that is trained from scratch, as timm names it: ``jax`` is
            Xavier's.
        modality: See :class:`Expert`.
        kwargs: See :class:`Expert`. ``checkpoint`` may be a file of AST (AudioSet), of timm's distilled DeiT,
            whose kernel and positions are adapted to spectrograms as in AST, or of Hugging Face's AST.
    """

    role = 'audio'
    pools_prefix = True
    num_prefix = 2
    learns_post_norm = False

    def __init__(self, num_rows: int = 1024, num_mel_bins: int = 128, patch_size: int = 16, stride: int = 10,
                 drop_attention: bool = False, weight_init: str = '', modality: str = 'audio',
                 **kwargs) -> None:
        self.native_size, self.patch_size, self.stride = (num_rows, num_mel_bins), patch_size, stride
        self.drop_attention, self.weight_init = drop_attention, weight_init
        super().__init__(grid=self.grid_of(self.native_size), modality=modality, **kwargs)
        self.table = SpectrogramPositions(self.tower, 'pos_embed', self.grid, (1, 2), self.num_prefix)

    def build_tower(self) -> nn.Module:
        tower = VisionTransformerDistilled(
            img_size=self.patch_size, patch_size=self.patch_size, in_chans=1, num_classes=0,
            embed_dim=self.embed_dims, depth=self.depth, num_heads=self.num_heads, mlp_ratio=self.mlp_ratio,
            weight_init=self.weight_init)
        tower.patch_embed.proj = nn.Conv2d(1, self.embed_dims, self.patch_size, self.stride)
        places = torch.Size(self.grid).numel() + self.num_prefix
        tower.pos_embed = nn.Parameter(torch.empty(1, places, self.embed_dims))
        nn.init.trunc_normal_(tower.pos_embed, std=0.02)
        return tower

    def grid_of(self, shape: Tuple[int, ...]) -> Grid:
        """Returns ``(1, patches along the mel bins, patches along the rows)``."""
        if len(shape) != 2 or min(shape) < self.patch_size:
            raise InputError(f'a spectrogram of (rows, mel bins) = {tuple(shape)} has no patch of '
                             f'{self.patch_size} x {self.patch_size}; give (B, 1, rows, mel bins), padded')
        rows, bins = ((n - self.patch_size) // self.stride + 1 for n in shape)
        return 1, bins, rows

    def input_shape(self, smallest: bool = False) -> Tuple[int, ...]:
        """Returns ``(1, rows, mel bins)``. The smallest input has fewer rows, but as many mel bins."""
        rows, bins = self.native_size
        return 1, self.patch_size if smallest else rows, bins

    def set_input_size(self, size: Tuple[int, ...]) -> None:
        """Changes the native number of rows and mel bins."""
        super().set_input_size(size)
        self.native_size = (size[0], size[1])

    def embed(self, x: Tensor) -> Tokens:
        if x.dim() != 4 or (x.shape[1], x.shape[3]) != (1, self.native_size[1]):
            raise InputError(f'a batch of spectrograms must be (B, 1, rows, {self.native_size[1]} mel bins), '
                             f'got {tuple(x.shape)}; transpose it, or set num_mel_bins of the expert')
        tower, grid = self.tower, self.grid_of(x.shape[2:])
        patches = rearrange(tower.patch_embed.proj(x.mT), 'b d h w -> b (h w) d')
        prefix = torch.cat([tower.cls_token, tower.dist_token], 1).expand(x.shape[0], -1, -1)
        x = torch.cat([prefix, patches], 1) + self.table.at(grid)
        return Tokens(x[:, None], grid, self.num_prefix)

    @property
    def blocks(self):
        return self.tower.blocks

    def parts(self, i: int) -> BlockParts:
        b = self.blocks[i]
        return BlockParts(b.norm1, b.attn, b.norm2, b.mlp)

    def self_attention(self, attn, n: Tokens) -> Tensor:
        return self.mhsa(n, attn.qkv.weight, attn.qkv.bias, attn.proj)

    def attention_branch(self, i: int, x: Tokens) -> Tensor:
        branch = super().attention_branch(i, x)
        return self.drop_paths[i](branch) if self.drop_attention else branch

    @property
    def post_norm(self) -> nn.Module:
        return self.tower.norm

    def summarise(self, x: Tokens) -> Tensor:
        """Returns the mean of the class and the distillation token."""
        return x.prefix.mean(2)

    def pool(self, x: Tokens) -> Tensor:
        """Pools as AST does: the norm, which stays frozen, comes before the mean over the two tokens."""
        frames = self.summarise(x.replace(self.post_norm(x.prefix)))
        return frames if self.per_frame else frames.mean(1)

    def fit_positions(self, state: State) -> None:
        """Fits positions of an AST of another size, or kernel and positions of an image model, in place."""
        kernel, table = (state.get(key) for key in ('patch_embed.proj.weight', 'pos_embed'))
        if kernel is None or table is None:
            return  # no AST at all
        image, places = kernel.shape[1] == 3, table.shape[1] - self.num_prefix
        rows = round(places**0.5) if image else (FILE_BINS - self.patch_size) // self.stride + 1
        if not image and places % rows:
            rows = self.grid[1]
        if image:  # as AST starts from ImageNet (its section 2.2)
            state['patch_embed.proj.weight'] = kernel.sum(1, keepdim=True)
        if places % rows or not image and table.shape == self.tower.pos_embed.shape:
            return
        old, new = (1, rows, places // rows), self.table.grid
        state['pos_embed'] = self.table.fit(table, old, new)
        print_log(f'{self.checkpoint}: positions of {rows}x{places // rows} patches cropped or resized to '
                  f'{new[1]}x{new[2]}', logger='current')


class SpectrogramPositions(PositionTable):
    """A position table that is resized as AST does it, axis by axis.

    If the new axis is shorter, it gets the middle part of the table; if it is longer, the table is
    interpolated. CA2ST's program also resizes, and thereby blurs, a table of 101 columns that fits as it is;
    here, such a table is left alone.
    """

    def fit(self, weight: Tensor, old: Grid, new: Grid) -> Tensor:
        if old == new:
            return weight
        prefix, places = weight.split([self.num_prefix, weight.shape[1] - self.num_prefix], 1)
        x = rearrange(places, 'b (h w) d -> b d h w', h=old[1]).float()
        for axis, size in ((3, (old[1], new[2])), (2, new[1:])):  # time, then frequency
            given, wanted = x.shape[axis], size[axis - 2]
            if wanted > given:
                x = F.interpolate(x, size=size, mode='bilinear')
            else:
                x = x.narrow(axis, given // 2 - wanted // 2, wanted)
        return torch.cat([prefix, rearrange(x, 'b d h w -> b (h w) d').to(weight)], 1)
