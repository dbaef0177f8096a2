"""Any vision transformer of timm as an expert: IN21K ViT, EVA02-CLIP with rotary positions, DeiT, ..."""
from importlib import import_module
from typing import Any, Dict, Optional

import timm
import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from timm.layers import resample_abs_pos_embed
from timm.models.eva import Eva, EvaBlock
from timm.models.vision_transformer import Block, VisionTransformer
from torch import Tensor, nn

from mmaction.registry import MODELS

from ...checkpoints import State, read_checkpoint, unwrap
from ...utils import InputError
from ..layers import WINDOWS, Grid, PositionTable, Tokens
from .base import BlockParts
from .video import ImgSize, VideoExpert


@MODELS.register_module()
class TimmExpert(VideoExpert):
    """A plain vision transformer of timm that, like CLIP, runs on the second frame of each pair.

    The attention is the tower's own, including whatever is inside it (rotary positions, norms, layer scale).
    With the window ``space-time``, rotary positions are those within the frame, and class tokens have none.

    Args:
        model_name: Name of a timm model, such as ``vit_base_patch16_224.augreg_in21k`` (tables 5 and 6) or
            ``eva02_base_patch16_clip_224`` (table 7). It determines the width, the depth and the heads.
        img_size: See :class:`VideoExpert`.
        model_kwargs: Further arguments of ``timm.create_model``, to change the model's size.
        kwargs: See :class:`VideoExpert`. ``checkpoint`` may be a file of timm or its hub, of an open_clip
            model whose tower is timm's (``visual.trunk.``), or in any format that timm converts for it.

    Raises:
        InputError: If the model is not a plain vision transformer with pre-norm blocks, or if each block has
            its own rotary positions.
    """

    def __init__(self,
                 model_name: str,
                 img_size: ImgSize = 224,
                 model_kwargs: Optional[Dict[str, Any]] = None,
                 **kwargs) -> None:
        try:
            tower: Any = timm.create_model(
                model_name, pretrained=False, num_classes=0, img_size=img_size, dynamic_img_size=True,
                **(model_kwargs or {}))
        except (RuntimeError, TypeError) as error:  # unknown model; BEiT, SAM, ResNet do not accept the size
            raise InputError(f'timm cannot build {model_name} as a plain vision transformer of img_size='
                             f'{img_size} ({error}); choose another, such as vit_base_patch16_224') from error
        first: Any = tower.blocks[0] if isinstance(tower, (VisionTransformer, Eva)) else None
        if not isinstance(first, (Block, EvaBlock)) or getattr(tower, 'rope_mixed', False):
            raise InputError(f'{model_name} is no plain vision transformer with pre-norm blocks and the same '
                             'rotary positions, if any, in all of them, which an expert must be: the '
                             'exchange sits between attention and feed-forward')
        attn: Any = first.attn
        self.num_prefix = tower.num_prefix_tokens
        self.pools_prefix = tower.num_prefix_tokens > 0 and tower.global_pool == 'token'
        normed = has_parameters(tower.norm)  # the norm comes before pooling
        simple = tower.global_pool in ('', 'token') or tower.global_pool == 'avg' and not normed
        self.pools_itself = not simple or hasattr(tower, 'dist_token')  # distilled models pool two tokens
        self.built = [tower]  # in a list, because modules cannot be assigned yet
        super().__init__(
            img_size=img_size, patch_size=tower.patch_embed.patch_size[0], embed_dims=tower.embed_dim,
            depth=len(tower.blocks), num_heads=attn.num_heads, **kwargs)
        if tower.pos_embed is not None:  # some models have no entries for class tokens
            prefix = tower.pos_embed.shape[1] - self.grid[1] * self.grid[2]
            self.table = TimmPositions(tower, 'pos_embed', self.grid, WINDOWS['space'].spans, prefix)

    def build_tower(self) -> nn.Module:
        return self.built.pop()

    @property
    def post_norm(self) -> nn.Module:
        return self.tower.norm if has_parameters(self.tower.norm) else self.tower.fc_norm

    @property
    def blocks(self):
        return self.tower.blocks

    def embed(self, x: Tensor) -> Tokens:
        tower, grid = self.tower, self.grid_of(x.shape[2:])
        patches = tower.patch_embed(self.frames(x)).flatten(1, 2)
        prefix = (getattr(tower, name, None) for name in ('cls_token', 'dist_token', 'reg_token'))
        x = torch.cat([*(p.expand(patches.shape[0], -1, -1) for p in prefix if p is not None), patches], 1)
        if tower.pos_embed is not None:
            table = self.table.at(grid)
            x = x + F.pad(table, (0, 0, x.shape[1] - table.shape[1], 0))
        x = getattr(tower, 'norm_pre', nn.Identity())(tower.pos_drop(x))
        return Tokens(rearrange(x, '(b t) s d -> b t s d', t=grid[0]), grid, self.num_prefix)

    def parts(self, i: int) -> BlockParts:
        b = self.blocks[i]
        return BlockParts(b.norm1, b, b.norm2, lambda n: scaled(b, 2, b.mlp(n)))

    def self_attention(self, attn: Any, n: Tokens) -> Tensor:
        b, t, s, _ = n.data.shape
        fold = WINDOWS[self.window].fold
        x = rearrange(n.data, f'b t s d -> {fold}')
        rope = self.rotary(n.grid)
        a = attn.attn(x) if rope is None else attn.attn(x, rope=rope)
        return rearrange(scaled(attn, 1, a), f'{fold} -> b t s d', b=b, t=t, s=s)

    def rotary(self, grid: Grid) -> Optional[Tensor]:
        """Returns EVA's sines and cosines for a window's tokens after its first class tokens, or None."""
        rope: Any = getattr(self.tower, 'rope', None)
        if rope is None or self.window == 'time':
            return None
        table = rope.get_embed(shape=grid[1:])  # (S, 2 d): the sines, then the cosines
        if self.window == 'space':
            return table
        half = table.shape[1] // 2
        still = torch.cat([torch.zeros(half), torch.ones(half)]).to(table).expand(self.num_prefix, -1)
        return repeat(torch.cat([still, table]), 's d -> (t s) d', t=grid[0])[self.num_prefix:]

    def summarise(self, x: Tokens) -> Tensor:
        """Returns the class token of each frame, or the mean of its patches."""
        return x.prefix[:, :, 0] if self.pools_prefix else x.patches.mean(2)

    def pool(self, x: Tokens) -> Tensor:
        """Pools the tokens; a tower that pools by attention, or after its norm, pools each frame itself."""
        if not self.pools_itself:
            return super().pool(x)
        frames = self.tower.forward_head(self.tower.norm(x.data.flatten(0, 1)), pre_logits=True)
        frames = rearrange(frames, '(b t) d -> b t d', b=x.data.shape[0])
        return frames if self.per_frame else frames.mean(1)

    def set_input_size(self, size) -> None:
        super().set_input_size(size)
        self.tower.patch_embed.grid_size = self.grid[1:]

    def read_checkpoint(self, path: str) -> State:
        """Reads the weights by the tower's names; timm converts and resizes them."""
        return self.converted(timm.models.clean_state_dict(unwrap(read_checkpoint(path))[0]))

    def converted(self, state: State) -> State:
        """Converts a state dict to the tower's names and sizes."""
        state = import_module(type(self.tower).__module__).checkpoint_filter_fn(state, self.tower)
        return {k: v for k, v in state.items() if not k.startswith('head.')}


class TimmPositions(PositionTable):
    """A position table that is resized by timm."""

    def fit(self, weight: Tensor, old: Grid, new: Grid) -> Tensor:
        if old == new:
            return weight  # during an export, timm would resize even to the same size
        return resample_abs_pos_embed(weight, list(new[1:]), list(old[1:]), self.num_prefix)


def has_parameters(module: nn.Module) -> bool:
    """Returns whether a module has any parameters."""
    return any(True for _ in module.parameters())


def scaled(block: nn.Module, i: int, x: Tensor) -> Tensor:
    """Multiplies ``x`` by the block's ``i``-th layer scale, if any (``ls1`` in ViT, ``gamma_1`` in EVA)."""
    if hasattr(block, f'ls{i}'):
        return getattr(block, f'ls{i}')(x)
    gamma = getattr(block, f'gamma_{i}', None)
    return x if gamma is None else gamma * x
