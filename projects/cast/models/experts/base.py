"""What all experts share: eq. 3 and eq. 5 around a library's transformer tower."""
from abc import ABCMeta, abstractmethod
from itertools import zip_longest
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple, Union

import numpy as np
import torch.nn.functional as F
from einops import rearrange
from mmcv.cnn.bricks import DropPath
from mmengine.model import BaseModule
from mmengine.utils import to_2tuple
from torch import Tensor, nn

from ...errors import InputError
from ..adapter import Adapter
from ..tokens import Grid, Tokens, attention, check_window

ImgSize = Union[int, Tuple[int, int]]


class Block(NamedTuple):
    """The parts of a pre-norm transformer block, as the tower holds them."""

    norm1: Callable[[Tensor], Tensor]
    attn: Any
    norm2: Callable[[Tensor], Tensor]
    mlp: Callable[[Tensor], Tensor]


class Expert(BaseModule, metaclass=ABCMeta):
    """A tower of a library with adapters: frozen by default, the adapters and the last norm learn.

    A subclass says how a clip becomes tokens, what a block's parts are, and how tokens are pooled.

    Args:
        tower: the library's module, under its own parameter names.
        img_size: native height and width in pixels, one number for a square; other sizes interpolate the
            positions.
        patch_size: pixels per patch side.
        num_frames: native frames of a clip.
        tubelet_size: frames that make one position in time.
        embed_dims: width D.
        depth: number of blocks.
        num_heads: attention heads.
        window: window of the self-attention (``space``: per frame; ``space-time``: joint).
        adapter_ratio: adapter bottleneck over D; 0 for no adapters.
        ffn_adapter_scale: factor of the feed-forward adapter. The release uses 0.5, eq. 5 has 1.
        drop_path_rate: rate at the last block, rising linearly from 0 at the first.
        frozen: keep the tower as it is.
        checkpoint: file with the tower's weights, loaded strictly by :meth:`init_weights`;
            see ``tools/convert/expert_checkpoint.py``. None keeps the random ones.
    """

    tower: Any  # a library's module: its parts are known to the subclass
    pools_prefix = False  # whether `pool` reads only the class tokens
    num_prefix = 0
    from_file = True  # whether `init_weights` reads `checkpoint`; not where the whole model is loaded later
    plain = False  # see lean.py

    def __init__(self,
                 tower: nn.Module,
                 img_size: ImgSize,
                 patch_size: int,
                 num_frames: int,
                 embed_dims: int,
                 depth: int,
                 num_heads: int,
                 window: str,
                 tubelet_size: int = 2,
                 adapter_ratio: float = 0.25,
                 ffn_adapter_scale: float = 0.5,
                 drop_path_rate: float = 0.,
                 frozen: bool = True,
                 checkpoint: Optional[str] = None) -> None:
        super().__init__()
        self.tower = tower
        self.embed_dims, self.depth, self.num_heads = embed_dims, depth, num_heads
        self.window, self.tube = check_window(window), (tubelet_size, patch_size, patch_size)
        height, width = to_2tuple(img_size)
        self.grid: Grid = (num_frames // tubelet_size, height // patch_size, width // patch_size)
        self.ffn_adapter_scale, self.frozen, self.checkpoint = ffn_adapter_scale, frozen, checkpoint
        adapters = range(depth if adapter_ratio else 0)
        self.attn_adapters = nn.ModuleList(Adapter(embed_dims, adapter_ratio) for _ in adapters)
        self.ffn_adapters = nn.ModuleList(Adapter(embed_dims, adapter_ratio) for _ in adapters)
        self.drop_paths = nn.ModuleList(
            DropPath(float(rate)) for rate in np.linspace(0, drop_path_rate, depth))
        self.tower.requires_grad_(not frozen)
        self.post_norm.requires_grad_(True)

    @property
    @abstractmethod
    def post_norm(self) -> nn.Module:
        """The norm of the pooled feature, which learns in a frozen tower too."""

    @abstractmethod
    def embed(self, clip: Tensor) -> Tokens:
        """``(B, 3, F, H, W)`` to tokens, positions added."""

    @abstractmethod
    def set_grid(self, grid: Grid) -> None:
        """Resizes the position tables to another native grid, in place; called without autograd."""

    @property
    @abstractmethod
    def blocks(self) -> Any:
        """The tower's blocks, in order."""

    @abstractmethod
    def block(self, i: int) -> Block:
        """The parts of block ``i``."""

    @abstractmethod
    def self_attention(self, attn: Any, n: Tokens) -> Tensor:
        """``MHSA(n)`` in :attr:`window` by a block's ``attn``, ``(B, T, P + S, D)``; see :meth:`mhsa`."""

    @abstractmethod
    def pool(self, x: Tokens) -> Tensor:
        """Tokens of the last block to one feature ``(B, D)`` per clip."""

    def attend(self, i: int, x: Tokens) -> Tokens:
        """``x + MHSA(LN(x)) + ADAP(MHSA(LN(x)))``, eq. 3."""
        block = self.block(i)
        a = self.self_attention(block.attn, x.replace(block.norm1(x.data)))
        adapted = self.attn_adapters[i](a) if self.attn_adapters else 0
        return x.replace(x.data + a + adapted)

    def mhsa(self, n: Tokens, weight: Tensor, bias: Tensor, out: nn.Module,
             window: Optional[str] = None) -> Tensor:
        """Self-attention by packed weights ``(3 D, D)`` and biases ``(3 D, )``, in the order q, k, v.

        ``window`` is the expert's own by default.
        """
        q, k, v = F.linear(n.data, weight, bias).chunk(3, dim=-1)
        return out(attention(q, k, v, self.num_heads, window or self.window, self.plain))

    def feed_forward(self, i: int, x: Tokens) -> Tokens:
        """``x + FFN(LN(x)) + ADAP(LN(x))``, eq. 5; the release halves the adapter."""
        block = self.block(i)
        n = block.norm2(x.data)
        f = block.mlp(n)
        if self.ffn_adapters:
            f = f + self.drop_paths[i](self.ffn_adapter_scale * self.ffn_adapters[i](n))
        return x.replace(x.data + f)

    def adapters(self) -> List[nn.ModuleList]:
        """The adapters, kind by kind, one a block."""
        return [self.attn_adapters, self.ffn_adapters]

    def layer_groups(self) -> List[List[nn.Parameter]]:
        """Parameters by depth: the embedding, each block with its adapters, and what is behind them."""
        adapters = zip_longest(self.blocks, *self.adapters())
        blocks = [[p for part in parts if part for p in part.parameters()] for parts in adapters]
        behind = (self.post_norm, getattr(self.tower, 'attn_pool', None))  # the second is timm's
        last = [p for part in behind if part for p in part.parameters()]
        later = {id(p) for group in [*blocks, last] for p in group}
        return [[p for p in self.parameters() if id(p) not in later], *blocks, last]

    def tubes(self, clip: Tensor) -> Grid:
        """Number of tubes along ``(F, H, W)`` of a clip ``(B, 3, F, H, W)``.

        Raises:
            InputError: if the clip does not divide into whole tubes.
        """
        size = tuple(clip.shape[-3:])
        if clip.dim() != 5 or any(n < m or n % m for n, m in zip(size, self.tube)):
            raise InputError(f'a clip of shape {tuple(clip.shape)} does not divide into tubes of '
                             f'{self.tube}; give (B, 3, F, H, W) with F, H, W multiples of these')
        t, h, w = (n // m for n, m in zip(size, self.tube))
        return t, h, w

    def frames(self, clip: Tensor) -> Tensor:
        """The last frame of each tube, ``(B * T, 3, H, W)``, for towers that see single frames.

        "Every even frame" of section 3.1 counts from 1; the release takes indices 1, 3, ..., 15.
        """
        step = self.tube[0]
        return rearrange(clip[:, :, step - 1::step], 'b c t h w -> (b t) c h w')

    def init_weights(self) -> None:
        """Initialises the tower, then loads ``checkpoint`` over it, strictly and last."""
        super().init_weights()
        if self.from_file:
            self.load_checkpoint()

    def load_checkpoint(self) -> None:
        """Loads ``checkpoint``, if there is one, strictly."""
        if self.checkpoint:
            from ...checkpoints import load_expert
            load_expert(self.tower, self.checkpoint, self.read_checkpoint)

    def read_checkpoint(self, path: str) -> Dict[str, Tensor]:
        """Weights in a file by the tower's names."""
        from ...checkpoints import read_expert
        return read_expert(path)

    def train(self, mode: bool = True):
        """A frozen tower stays in eval mode."""
        super().train(mode)
        self.tower.train(mode and not self.frozen)
        return self
