"""CAST's backbone: experts that exchange in every layer (section 3.2)."""
from typing import Any, Dict, List, Tuple

import numpy as np
import torch
from mmengine.model import BaseModule, ModuleDict
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmaction.registry import MODELS
from mmaction.utils import ConfigType

from ..errors import InputError
from .tokens import Tokens


@MODELS.register_module()
class TwoExpertViT(BaseModule):
    """Frozen experts in step, exchanging after each self-attention.

    Paper: *CAST: Cross-Attention in Space and Time for Video Action Recognition*, NeurIPS 2023,
    https://arxiv.org/abs/2311.18825.

    Experts and exchanges are dicts keyed by name, so that a config changes or adds one without
    repeating the others; nothing in here knows how many there are.

    Args:
        experts: name to config of an :class:`Expert`.
        exchanges: name to config of an exchange such as :class:`BCAST`. Two keys beside the
            exchange's own: ``between``, the names of its two experts (the experts themselves where
            there are only two), and ``layers``, the 0-based blocks that have it (default all).
        drop_path_rate: rate at the last block, rising linearly from 0 at the first; acts on the
            feed-forward adapters and the exchanges, never on frozen branches.
        with_cp: compute each block again in the backward pass instead of keeping its activations.
        plain: nothing of ``lean.py``, and compute what reaches no output, as the release does: the same
            results, at its costs. For comparison only; attention that is a tower's own (timm's) stays as
            it is.
    """

    def __init__(self,
                 experts: Dict[str, ConfigType],
                 exchanges: Dict[str, ConfigType],
                 drop_path_rate: float = 0.,
                 with_cp: bool = False,
                 plain: bool = False,
                 init_cfg: ConfigType = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.with_cp, self.plain = with_cp, plain
        self.experts = ModuleDict({  # mmengine's: it passes init_weights on
            name: MODELS.build({'drop_path_rate': drop_path_rate, **cfg})
            for name, cfg in experts.items()})
        depths = {name: expert.depth for name, expert in self.experts.items()}
        if len(set(depths.values())) != 1:
            raise InputError(f'experts go in step, block by block, but their depths are {depths}')
        self.depth = next(iter(depths.values()))
        for name, cfg in exchanges.items():
            layers = cfg.get('layers', ())
            if set(layers) - set(range(self.depth)):
                raise InputError(f'the exchange {name!r} has layers={list(layers)}, but the {self.depth} '
                                 f'blocks are numbered 0 to {self.depth - 1}; name some of these')
        self.exchanges = nn.ModuleList(
            nn.ModuleDict({
                name: self.build_exchange(float(rate), **cfg) for name, cfg in exchanges.items()
                if i in cfg.get('layers', range(self.depth))})
            for i, rate in enumerate(np.linspace(0, drop_path_rate, self.depth)))
        # Experts whose patches nobody reads after the last block: they pool class tokens only.
        self.prefix_only = tuple(n for n, e in self.experts.items() if e.pools_prefix)
        for module in self.modules():
            if hasattr(type(module), 'plain'):
                module.plain = plain

    def build_exchange(self, rate: float, between: Tuple[str, ...] = (), layers=(), **cfg):
        """Builds one exchange for its two experts' widths and grids."""
        between = tuple(between) or tuple(self.experts)
        missing = [name for name in between if name not in self.experts]
        if missing or len(between) != 2:
            raise InputError(f'an exchange needs two experts, got between={between}; the experts '
                             f'are {tuple(self.experts)}')
        return MODELS.build({
            'drop_path_rate': rate,
            **cfg, 'embed_dims': {n: self.experts[n].embed_dims for n in between},
            'grids': {n: self.experts[n].grid for n in between}})

    def exchanges_at(self, i: int) -> Dict[str, Any]:
        """The exchanges of block ``i`` by name."""
        return dict(self.exchanges[i].items())  # type: ignore[operator]

    def forward(self, clip: Tensor) -> Dict[str, Tensor]:
        """Clip to features.

        Args:
            clip: ``(B, 3, F, H, W)``, normalised.

        Returns:
            expert name to pooled feature ``(B, D)``, in the clip's dtype whatever that of the weights.
        """
        frames = clip.to(next(self.parameters()).dtype)  # all weights have one
        x = {name: expert.embed(frames) for name, expert in self.experts.items()}
        for i in range(self.depth):
            prefix_only = self.prefix_only if i == self.depth - 1 and not self.plain else ()
            if self.with_cp and torch.is_grad_enabled():
                x = checkpoint(self.block, i, x, prefix_only, use_reentrant=False)
            else:
                x = self.block(i, x, prefix_only)
        return {name: expert.pool(x[name]).to(clip) for name, expert in self.experts.items()}

    def block(self, i: int, x: Dict[str, Tokens], prefix_only: Tuple[str, ...] = ()):
        """Block ``i`` of all experts.

        Args:
            i: index of the block.
            x: expert name to tokens.
            prefix_only: experts of which only the class tokens are wanted afterwards.
        """
        experts = self.experts.items()
        x = {name: expert.attend(i, x[name]) for name, expert in experts}  # eq. 3
        phi = [exchange(x, prefix_only) for exchange in self.exchanges_at(i).values()]  # eq. 7, 8
        x = {name: t.prefix_only() if name in prefix_only else t for name, t in x.items()}
        x = add(x, phi)  # eq. 4
        return {name: expert.feed_forward(i, x[name]) for name, expert in experts}  # eq. 5

    def layer_groups(self) -> List[List[nn.Parameter]]:
        """Parameters by depth: embeddings, block by block with its exchanges, and the last norms."""
        experts = [expert.layer_groups() for expert in self.experts.values()]
        exchanges = [[], *(list(e.parameters()) for e in self.exchanges), []]
        return [sum(groups, []) for groups in zip(*experts, exchanges)]

    @torch.no_grad()
    def set_input_size(self, size: Tuple[int, int, int]) -> None:
        """Makes another size of clips the native one: resizes all position tables now, once, in place.

        Clips of any other size resize them in each forward pass, by operators that exporters may not know.
        Checkpoints of the former size no longer fit: load them first.

        Args:
            size: ``(F, H, W)``.
        """
        for expert in self.experts.values():
            expert.set_grid(expert.tubes(torch.empty(1, 3, *size, device='meta')))
        grids = {name: expert.grid for name, expert in self.experts.items()}
        for i in range(self.depth):
            for exchange in self.exchanges_at(i).values():
                exchange.set_grids(grids)


def add(x: Dict[str, Tokens], updates: List[Dict[str, Tensor]]) -> Dict[str, Tokens]:
    """Adds each update to the stream that it names."""
    for update in updates:
        x = {n: t.replace(t.data + update[n]) if n in update else t for n, t in x.items()}
    return x
