"""Any vision transformer of timm as an expert: IN21K ViT, EVA02-CLIP with rotary positions, DeiT, ..."""
from importlib import import_module
from typing import Any, Dict, Optional

import timm
import torch
from einops import rearrange, repeat
from timm.models.eva import Eva, EvaBlock
from timm.models.vision_transformer import Block, VisionTransformer
from torch import Tensor, nn

from mmaction.registry import MODELS

from ...errors import InputError
from ..tokens import WINDOWS, Grid, Tokens
from .base import Block as Parts
from .base import Expert

FOLDS = {name: window.replace(' h', '') for name, window in WINDOWS.items()}  # the tower splits heads


@MODELS.register_module()
class TimmExpert(Expert):
    """A plain vision transformer of timm, run on the second frame of each pair, as CLIP is.

    Attention is the tower's own, so whatever it has inside (rotary positions, norms, layer scale) holds.
    With the window ``space-time`` rotary positions are those of the frame; class tokens have none.

    Args:
        model_name: timm's name, such as ``vit_base_patch16_224.augreg_in21k`` (tables 5 and 6) or
            ``eva02_base_patch16_clip_224`` (table 7). Width, depth and heads follow from it.
        img_size: native height and width in pixels; other sizes interpolate the positions.
        num_frames: native frames of the clip; every second one is used.
        model_kwargs: more for ``timm.create_model``, to change its size.
        kwargs: see :class:`Expert`. ``checkpoint`` is a file of timm or its hub, of open_clip where its
            tower is timm's (``visual.trunk.``), or of whatever timm converts for this model.

    Raises:
        InputError: if the model is not a plain vision transformer with pre-norm blocks.
    """

    def __init__(self,
                 model_name: str,
                 img_size: int = 224,
                 num_frames: int = 16,
                 window: str = 'space',
                 model_kwargs: Optional[Dict[str, Any]] = None,
                 **kwargs) -> None:
        tower: Any = timm.create_model(
            model_name, pretrained=False, num_classes=0, img_size=img_size, dynamic_img_size=True,
            **(model_kwargs or {}))
        first: Any = tower.blocks[0] if isinstance(tower, (VisionTransformer, Eva)) else None
        if not isinstance(first, (Block, EvaBlock)):
            raise InputError(f'{model_name} is no plain vision transformer with pre-norm blocks, which an '
                             'expert must be: the exchange sits between attention and feed-forward')
        attn: Any = first.attn
        self.num_prefix = tower.num_prefix_tokens
        self.pools_prefix = tower.num_prefix_tokens > 0 and tower.global_pool == 'token'
        super().__init__(
            tower, img_size, tower.patch_embed.patch_size[0], num_frames, tower.embed_dim, len(tower.blocks),
            attn.num_heads, window, **kwargs)

    @property
    def post_norm(self) -> nn.Module:
        return self.tower.norm if has_parameters(self.tower.norm) else self.tower.fc_norm

    @property
    def blocks(self):
        return self.tower.blocks

    def embed(self, clip: Tensor) -> Tokens:
        tower, grid = self.tower, self.tubes(clip)
        x = tower._pos_embed(tower.patch_embed(self.frames(clip)))
        x = x[0] if isinstance(x, tuple) else x  # EVA gives its rotary positions too
        x = getattr(tower, 'norm_pre', nn.Identity())(x)
        return Tokens(rearrange(x, '(b t) s d -> b t s d', t=grid[0]), grid, self.num_prefix)

    def block(self, i: int) -> Parts:
        b = self.blocks[i]
        return Parts(b.norm1, b, b.norm2, lambda n: scaled(b, 2, b.mlp(n)))

    def self_attention(self, attn: Any, n: Tokens) -> Tensor:
        b, t, s, _ = n.data.shape
        fold = FOLDS[self.window]
        x = rearrange(n.data, f'b t s d -> {fold}')
        rope = self.rotary(n.grid)
        a = attn.attn(x) if rope is None else attn.attn(x, rope=rope)
        return rearrange(scaled(attn, 1, a), f'{fold} -> b t s d', b=b, t=t, s=s)

    def rotary(self, grid: Grid) -> Optional[Tensor]:
        """EVA's sines and cosines for a window's tokens behind its first class tokens; None for others."""
        rope: Any = getattr(self.tower, 'rope', None)
        if rope is None or self.window == 'time':
            return None
        table = rope.get_embed(shape=grid[1:])  # (S, 2 d): sines, then cosines
        if self.window == 'space':
            return table
        half = table.shape[1] // 2
        still = torch.cat([torch.zeros(half), torch.ones(half)]).to(table).expand(self.num_prefix, -1)
        return repeat(torch.cat([still, table]), 's d -> (t s) d', t=grid[0])[self.num_prefix:]

    def pool(self, x: Tokens) -> Tensor:
        """Mean over time of the class tokens, or over all patches where the tower pools those; post norm."""
        tokens = x.prefix[:, :, :1] if self.pools_prefix else x.patches
        return self.post_norm(tokens.mean(dim=(1, 2)))

    def read_checkpoint(self, path: str) -> Dict[str, Tensor]:
        """Weights by the tower's names, converted and resized by timm."""
        state = timm.models.load_state_dict(path, weights_only=True)
        state = import_module(type(self.tower).__module__).checkpoint_filter_fn(state, self.tower)
        return {k: v for k, v in state.items() if not k.startswith('head.')}


def has_parameters(module: nn.Module) -> bool:
    """Whether there is something to learn in it."""
    return any(True for _ in module.parameters())


def scaled(block: nn.Module, i: int, x: Tensor) -> Tensor:
    """``x`` by the block's ``i``-th layer scale, if it has one (``ls1`` in ViT, ``gamma_1`` in EVA)."""
    if hasattr(block, f'ls{i}'):
        return getattr(block, f'ls{i}')(x)
    gamma = getattr(block, f'gamma_{i}', None)
    return x if gamma is None else gamma * x
