"""X-ViT: an image transformer whose keys and values are mixed over time (https://arxiv.org/abs/2106.05968)."""
from typing import Any, Collection, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmaction.registry import MODELS

from ...checkpoints import State, below
from ...utils import InputError
from ..layers import Tokens, attention
from .base import BlockParts
from .timm import TimmExpert, scaled


@MODELS.register_module()
class XViTExpert(TimmExpert):
    """timm's ViT on every frame, with space-time mixing attention (eq. 9 and 10).

    After the projection, some channels of keys and values come from the neighbouring frames, at the same
    place, so that attention within a frame sees the motion around it, at no multiplication more than an image
    transformer needs. Class tokens mix with class tokens. Beyond the ends of a segment there are zeros.

    Args:
        model_name: Name of a plain ViT of timm. The paper starts from ImageNet-21k.
        mix: What is mixed, of ``x`` (the tokens before the projection), ``key`` and ``value``.
        mix_ratio: Share of the channels, counted over all heads, that come from other frames. They are
            divided equally among :attr:`shifts`.
        shifts: Distances of the frames that give channels, in the order of the channels. A window of t_w = 2
            is ``(1, -1, 2, -2)``, its boundary frames alone ``(2, -2)``; with ``()``, nothing is mixed.
        segment: Number of frames among which channels are exchanged. The release has 16 for SSV2, and 8 for
            Kinetics even if a clip has 16 frames.
        mix_blocks: 0-based blocks that mix; all by default.
        summary_token: Whether each frame's mean key and value are appended to those of all frames. The paper
            does not say where the mean is taken; here, it is that of the patches after mixing.
        time_entries: Number of entries of the table over time. Frame t gets entry t modulo this number.
        tubelet_size: See :class:`VideoExpert`. By default, every frame is read.
        kwargs: See :class:`TimmExpert`. ``checkpoint`` may also be a file of X-ViT's authors, or an
            X-ViT that was trained or converted here; a table over time is added, or repeated to fit.

    Raises:
        InputError: If the arguments do not fit together, or the attention of the model is not a plain one.
    """

    role = 'temporal'

    def __init__(self,
                 model_name: str = 'vit_base_patch16_224.augreg_in21k',
                 mix: Collection[str] = ('key', 'value'),
                 mix_ratio: float = 0.5,
                 shifts: Sequence[int] = (1, -1),
                 segment: int = 16,
                 mix_blocks: Optional[Collection[int]] = None,
                 summary_token: bool = False,
                 time_entries: int = 8,
                 tubelet_size: int = 1,
                 **kwargs) -> None:
        mix, shifts, mix_blocks = several(mix), several(shifts), several(mix_blocks)
        whole = all(isinstance(n, int) for n in (*shifts, segment, time_entries))
        if (set(mix) - {'x', 'key', 'value'} or not 0 <= mix_ratio <= 1 or not whole
                or min(segment, time_entries) < 1):
            raise InputError(f"mix={tuple(mix)} may have 'x', 'key' and 'value'; mix_ratio={mix_ratio} must "
                             f'be in [0, 1], segment={segment} and time_entries={time_entries} integers from '
                             f'1, and shifts={tuple(shifts)} integers')
        super().__init__(model_name, tubelet_size=tubelet_size, **kwargs)
        attn = self.blocks[0].attn
        if getattr(attn, 'qkv', None) is None or not isinstance(getattr(attn, 'q_norm', None), nn.Identity):
            raise InputError(f'{model_name} has no plain attention whose keys and values can be mixed; '
                             'choose another model, such as vit_base_patch16_224')
        blocks = range(self.depth) if mix_blocks is None else mix_blocks
        if set(blocks) - set(range(self.depth)):
            raise InputError(f'mix_blocks={list(blocks)}: the blocks are numbered 0 to {self.depth - 1}')
        self.mix, self.shifts, self.segment, self.mix_blocks = set(mix), tuple(shifts), segment, set(blocks)
        self.channels = int(self.embed_dims * mix_ratio / max(1, len(self.shifts)))  # from each other frame
        if mix and shifts and mix_ratio and not self.channels:
            raise InputError(f'mix_ratio={mix_ratio} of {self.embed_dims} channels is less than one for each '
                             f'of {len(shifts)} shifts; take a larger one, or mix=() to mix nothing')
        if summary_token and self.window != 'space':
            raise InputError(f"summary_token=True goes with window='space' only, not {self.window!r}")
        self.summary_token = summary_token
        # beside the positions that timm has, as in the release; starts at zero
        self.tower.temp_embed = nn.Parameter(torch.zeros(1, time_entries, 1, self.embed_dims))
        self.tower.temp_embed.requires_grad_(not self.frozen)

    def embed(self, x: Tensor) -> Tokens:
        tokens, table = super().embed(x), self.tower.temp_embed[0]
        frames = torch.arange(tokens.grid[0], device=x.device)
        return tokens.replace(tokens.data + table[frames % len(table)])

    def parts(self, i: int) -> BlockParts:
        return super().parts(i)._replace(attn=(self.blocks[i], self.mix if i in self.mix_blocks else ()))

    def self_attention(self, attn: Tuple[Any, Collection[str]], n: Tokens) -> Tensor:
        """``MHSA(n)`` within each frame, on mixed keys and values."""
        block, mixed = attn
        x = self.shifted(n.data) if 'x' in mixed else n.data
        q, k, v = F.linear(x, block.attn.qkv.weight, block.attn.qkv.bias).chunk(3, -1)
        k = self.shifted(k) if 'key' in mixed else k
        v = self.shifted(v) if 'value' in mixed else v
        if self.summary_token:
            k, v = (self.with_summary(kv) for kv in (k, v))
        out = attention(q, k, v, self.num_heads, self.window, self.plain)
        return scaled(block, 1, block.attn.proj(out))

    def shifted(self, x: Tensor) -> Tensor:
        """Takes some channels of ``(B, T, S, D)`` from other frames of their segment, eq. 9 and 10."""
        frames, n = x.shape[1], min(self.segment, x.shape[1])
        x = F.pad(x, (0, 0, 0, 0, 0, -frames % n)) if frames % n else x
        *parts, rest = x.unflatten(1, (-1, n)).split(
            [*[self.channels] * len(self.shifts), x.shape[-1] - self.channels * len(self.shifts)], -1)
        moved = [F.pad(part, (0, 0, 0, 0, -max(-n, min(s, n)), max(-n, min(s, n))))
                 for s, part in zip(self.shifts, parts)]
        return torch.cat([*moved, rest], -1).flatten(1, 2)[:, :frames]

    def with_summary(self, x: Tensor) -> Tensor:
        """Appends the mean patch of each frame to all frames: ``(B, T, S + T, D)``."""
        summary = x[:, :, self.num_prefix:].mean(2)
        return torch.cat([x, summary[:, None].expand(-1, x.shape[1], -1, -1)], 2)

    def converted(self, state: State) -> State:
        """Converts the names of X-ViT's authors, of our models or of timm, and fits the table over time."""
        state = below(state, 'base_model.') or below(state, 'backbone.tower.') or state
        own = self.tower.temp_embed
        table = state.pop('temp_embed', torch.zeros_like(own))
        if table.shape[1] < own.shape[1] and own.shape[1] % table.shape[1] == 0:  # the same entries modulo n
            table = table.repeat(1, own.shape[1] // table.shape[1], 1, 1)
        return {**super().converted(state), 'temp_embed': table}


def several(value: Any) -> Any:
    """Returns a single value, as ``--cfg-options`` gives it, as a tuple, and others as they are."""
    return (value, ) if isinstance(value, (str, int)) else value
