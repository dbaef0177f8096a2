"""Base class of the experts: eq. 3 and eq. 5 around the transformer tower of a library."""
from abc import ABCMeta, abstractmethod
from itertools import zip_longest
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np
import torch
import torch.nn.functional as F
from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn

from ...utils import InputError
from ..inputs import MASK, Inputs, Shapes, as_batch, masked
from ..layers import Adapter, Grid, PositionTable, Tokens, attention, check_window
from .pretrained import PretrainedTower


class BlockParts(NamedTuple):
    """The parts of a pre-norm transformer block, as the tower holds them."""

    norm1: Callable[[Tensor], Tensor]
    attn: Any
    norm2: Callable[[Tensor], Tensor]
    mlp: Callable[[Tensor], Tensor]


class Expert(PretrainedTower, metaclass=ABCMeta):
    """A library's tower with adapters. By default the tower is frozen except for its last norm.

    An expert can be a backbone by itself or a member of a :class:`MultiExpertViT`. A subclass defines how
    the input becomes tokens, what the parts of a block are, and how the tokens of a frame are summarised. The
    default sizes are those of ViT-B.

    Args:
        grid: Native grid ``(T, H, W)`` of the tokens. T is 1 for inputs without a time axis.
        embed_dims: Width D.
        depth: Number of blocks.
        num_heads: Number of attention heads.
        mlp_ratio: Ratio of the width of the feed-forward layers to ``embed_dims``.
        window: Window of the self-attention (``space``: within each frame; ``space-time``: joint).
        adapter_ratio: Ratio of the adapter's bottleneck width to D; 0 for no adapters.
        ffn_adapter_scale: Factor of the feed-forward adapter. The release uses 0.5, eq. 5 has 1.
        drop_path_rate: Rate at the last block; it rises linearly from 0 at the first block.
        frozen: Whether the tower is frozen.
        checkpoint: File with the tower's weights, which :meth:`init_weights` loads strictly; see
            ``tools/convert/expert_checkpoint.py``. With None, the random weights are kept.
        name: Name of the feature. By default it is the expert's :attr:`role`.
        modality: Key of the batch that the expert reads. A batch that is a tensor counts as ``video``.
        normalize: ``mean`` and ``std`` per channel that the tower was trained with, in the same unit as those
            of the data preprocessor. With None, the input is used as the data preprocessor normalised it.
        per_frame: Whether to return one feature per frame, ``(B, T, D)``, instead of their mean ``(B, D)``. A
            head that needs these features asks for them.
        as_tensor: Whether :meth:`forward` returns the feature itself, for MMAction2's heads, or a dict.
    """

    role = 'spatial'
    pools_prefix = False  # whether `summarise` reads only the class tokens
    num_prefix = 0
    learns_post_norm = True  # whether the post norm is trained although the tower is frozen
    plain = False  # see layers/efficient.py

    def __init__(self,
                 grid: Grid,
                 embed_dims: int = 768,
                 depth: int = 12,
                 num_heads: int = 12,
                 mlp_ratio: float = 4.,
                 window: str = 'space',
                 adapter_ratio: float = 0.25,
                 ffn_adapter_scale: float = 0.5,
                 drop_path_rate: float = 0.,
                 frozen: bool = True,
                 checkpoint: Optional[str] = None,
                 name: Optional[str] = None,
                 modality: str = 'video',
                 normalize: Optional[Dict[str, Sequence[float]]] = None,
                 per_frame: bool = False,
                 as_tensor: bool = False) -> None:
        super().__init__()
        if embed_dims % num_heads:
            raise InputError(f'embed_dims={embed_dims} does not divide into num_heads={num_heads} heads')
        self.grid = grid
        self.embed_dims, self.depth, self.num_heads, self.mlp_ratio = embed_dims, depth, num_heads, mlp_ratio
        self.window = check_window(window)
        self.ffn_adapter_scale, self.frozen, self.checkpoint = ffn_adapter_scale, frozen, checkpoint
        self.name, self.modality = name or self.role, modality
        if normalize and set(normalize) != {'mean', 'std'}:
            raise InputError(f'normalize={dict(normalize)} must have mean and std, per channel')
        self.normalize, self.per_frame, self.as_tensor = normalize, per_frame, as_tensor
        self.tower = self.build_tower()
        adapters = range(depth if adapter_ratio else 0)
        self.attn_adapters = nn.ModuleList(Adapter(embed_dims, adapter_ratio) for _ in adapters)
        self.ffn_adapters = nn.ModuleList(Adapter(embed_dims, adapter_ratio) for _ in adapters)
        self.drop_paths = nn.ModuleList(
            DropPath(float(rate)) for rate in np.linspace(0, drop_path_rate, depth))
        self.tower.requires_grad_(not frozen)
        self.post_norm.requires_grad_(self.learns_post_norm or not frozen)
        self.set_normalization()

    @abstractmethod
    def build_tower(self) -> nn.Module:
        """Builds the library's module, with its own parameter names.

        It is called in ``super().__init__()``, with the sizes set; a subclass can add submodules afterwards.
        """

    @property
    @abstractmethod
    def post_norm(self) -> nn.Module:
        """The norm of the pooled feature, which is also trained if the tower is frozen."""

    @abstractmethod
    def embed(self, x: Tensor) -> Tokens:
        """Converts the input of this expert's modality to tokens with positions."""

    @property
    @abstractmethod
    def blocks(self) -> Any:
        """The tower's blocks, in order."""

    @abstractmethod
    def parts(self, i: int) -> BlockParts:
        """The parts of block ``i``."""

    @abstractmethod
    def self_attention(self, attn: Any, n: Tokens) -> Tensor:
        """``MHSA(n)`` in :attr:`window` with a block's ``attn``, ``(B, T, P + S, D)``; see :meth:`mhsa`."""

    @abstractmethod
    def summarise(self, x: Tokens) -> Tensor:
        """Reduces the last block's tokens to one vector per frame, ``(B, T, D)``, before the post norm."""

    def forward(self, inputs: Inputs) -> Union[Tensor, Dict[str, Tensor]]:
        """Runs the expert by itself, as a backbone.

        Args:
            inputs: A normalised clip ``(B, 3, F, H, W)``, or a dict of inputs and masks, as for
                :class:`MultiExpertViT`.

        Returns:
            The feature under its name: ``(B, D)``, or ``(B, T, D)`` with :attr:`per_frame`.
        """
        clip = self.pick(inputs)
        x = self.embed(self.renormalize(clip.to(next(self.parameters()).dtype)))
        for i in range(self.depth):
            x = self.self_attend(i, x)
            if i == self.depth - 1 and self.pools_prefix and not self.plain:
                x = x.drop_patches()
            x = self.feed_forward(i, x)
        feature = masked(self.pool(x), self.mask(inputs)).to(clip)
        return feature if self.as_tensor else {self.name: feature}

    def self_attend(self, i: int, x: Tokens) -> Tokens:
        """``x + MHSA(LN(x)) + ADAP(MHSA(LN(x)))``, eq. 3."""
        return x.replace(x.data + self.attention_branch(i, x))

    def attention_branch(self, i: int, x: Tokens) -> Tensor:
        """What eq. 3 adds to ``x``."""
        parts = self.parts(i)
        a = self.self_attention(parts.attn, x.replace(parts.norm1(x.data)))
        return a + self.attn_adapters[i](a) if self.attn_adapters else a

    def mhsa(self, n: Tokens, weight: Tensor, bias: Tensor, out: nn.Module,
             window: Optional[str] = None) -> Tensor:
        """Self-attention with packed weights ``(3 D, D)`` and biases ``(3 D, )``, in the order q, k, v.

        By default, ``window`` is the window of the expert.
        """
        q, k, v = F.linear(n.data, weight, bias).chunk(3, dim=-1)
        return out(attention(q, k, v, self.num_heads, window or self.window, self.plain))

    def feed_forward(self, i: int, x: Tokens) -> Tokens:
        """``x + FFN(LN(x)) + ADAP(LN(x))``, eq. 5; the release scales the adapter by 0.5."""
        parts = self.parts(i)
        n = parts.norm2(x.data)
        f = parts.mlp(n)
        if self.ffn_adapters:
            f = f + self.drop_paths[i](self.ffn_adapter_scale * self.ffn_adapters[i](n))
        return x.replace(x.data + f)

    def pool(self, x: Tokens) -> Tensor:
        """Pools the tokens of the last block into the feature: the mean over frames, then the norm."""
        frames = self.summarise(x)
        return self.post_norm(frames if self.per_frame else frames.mean(1))

    def pick(self, inputs: Inputs) -> Tensor:
        """Selects the part of a batch that this expert reads.

        Raises:
            InputError: If a dict has no such modality.
        """
        if isinstance(inputs, Tensor):
            return inputs
        batch, mask = as_batch(inputs), self.mask(inputs)
        if self.modality not in batch and mask is not None:  # no sample has it
            return next(self.parameters()).new_zeros(len(mask), *self.input_shape())
        if self.modality not in batch:
            raise InputError(f'the expert {self.name!r} reads {self.modality!r}, but the batch has '
                             f'{sorted(batch)}; name it in collect_keys, or set the modality of the expert')
        return batch[self.modality]

    def mask(self, inputs: Inputs) -> Optional[Tensor]:
        """Returns which samples of a batch have what this expert reads, or None if all have."""
        return None if isinstance(inputs, Tensor) else as_batch(inputs).get(self.modality + MASK)

    def smallest_inputs(self) -> Shapes:
        """Returns the shape of the smallest input, by modality, without the batch axis."""
        return {self.modality: self.input_shape(smallest=True)}

    def set_normalization(self, mean: Sequence[float] = (0., ), std: Sequence[float] = (1., )) -> None:
        """Tells the expert how its input is normalised, per channel. The default means not at all."""
        if self.normalize:
            own = {key: torch.tensor(value, dtype=torch.float32) for key, value in self.normalize.items()}
            self.register_buffer('gain', torch.tensor(std) / own['std'], persistent=False)
            self.register_buffer('shift', (torch.tensor(mean) - own['mean']) / own['std'], persistent=False)

    def renormalize(self, x: Tensor) -> Tensor:
        """Normalises ``(B, C, ...)`` as the tower was trained, if the data preprocessor does otherwise."""
        if not self.normalize:
            return x
        gain, shift = (v.view(-1, *[1] * (x.dim() - 2)).to(x) for v in (self.gain, self.shift))
        return x * gain + shift

    def adapters(self) -> List[nn.ModuleList]:
        """The adapters: one list per kind, with one adapter per block."""
        return [self.attn_adapters, self.ffn_adapters]

    def layer_groups(self) -> List[List[nn.Parameter]]:
        """Parameters by depth: the embedding, each block with its adapters, and everything after them."""
        adapters = zip_longest(self.blocks, *self.adapters())
        blocks = [[p for part in parts if part for p in part.parameters()] for parts in adapters]
        behind = (self.post_norm, getattr(self.tower, 'attn_pool', None))  # only timm has the second
        last = [p for part in behind if part for p in part.parameters()]
        later = {id(p) for group in [*blocks, last] for p in group}
        return [[p for p in self.parameters() if id(p) not in later], *blocks, last]

    @abstractmethod
    def grid_of(self, shape: Tuple[int, ...]) -> Grid:
        """Returns the grid of the tokens of an input, given its shape without batch and channels.

        Raises:
            InputError: If the input cannot be divided into tokens.
        """

    @abstractmethod
    def input_shape(self, smallest: bool = False) -> Tuple[int, ...]:
        """Returns the shape of a native input, or of the smallest possible one, without the batch axis."""

    def set_input_size(self, size: Tuple[int, ...]) -> None:
        """Changes the native input size (without batch and channels), once and in place."""
        self.grid = self.grid_of(size)
        for module in self.modules():
            if isinstance(module, PositionTable):
                module.resize(self.grid)

    def train(self, mode: bool = True):
        """Sets the mode of the expert, but keeps a frozen tower in eval mode."""
        super().train(mode)
        self.tower.train(mode and not self.frozen)
        return self
