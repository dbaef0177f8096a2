"""CAST's backbone: experts that exchange information in every layer (section 3.2)."""
import functools
import math
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple

import numpy as np
import torch
from mmengine.model import BaseModule, ModuleDict
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmaction.registry import MODELS
from mmaction.utils import ConfigType

from ..utils import InputError
from .inputs import MASK, Inputs, Shapes, as_batch, masked
from .layers import Tokens, set_plain

Streams = Dict[str, Tokens]


@MODELS.register_module(name=['MultiExpertViT', 'TwoExpertViT'])
class MultiExpertViT(BaseModule):
    """Frozen experts that run in step and exchange information after each self-attention.

    Paper: *CAST: Cross-Attention in Space and Time for Video Action Recognition*, NeurIPS 2023,
    https://arxiv.org/abs/2311.18825.

    Experts and exchanges are dicts keyed by name, so that a config can change or add one without repeating
    the others. The class makes no assumption about their number or kind. They are built in the order of
    their names, because mmengine sorts the keys of the configs that it writes.

    Args:
        experts: Config of each :class:`Expert`, by name.
        exchanges: Config of each exchange, such as :class:`BCAST`, by name. It can have two additional keys:
            ``between``, the names of its two experts (only needed if there are more than two), and
            ``layers``, the 0-based blocks that have the exchange (all by default).
        combine: What a stream gets if a block has several exchanges. ``sum`` adds their updates, which are
            all computed from the streams before the exchanges. ``mean`` adds the mean of the updates that
            the stream gets in this block. In ``sequence``, each exchange reads what the earlier ones wrote.
        order: Names of all exchanges, in the order used by ``sequence``.
        share_projections: Experts whose down- and up-projections are shared by the exchanges of a block.
        drop_path_rate: Rate at the last block; it rises linearly from 0 at the first block. It applies to the
            feed-forward adapters and the exchanges, never to frozen branches.
        with_cp: Whether to recompute each block in the backward pass instead of keeping its activations.
        plain: Whether to use nothing of ``layers/efficient.py``, and also compute what reaches no output, as
            the release does: the same results at the release's cost, for comparisons only. Attention that
            is a tower's own (timm's) stays as it is.

    Raises:
        InputError: If the parts do not fit together.
    """

    plain = False

    def __init__(self,
                 experts: Dict[str, ConfigType],
                 exchanges: Dict[str, ConfigType] = {},
                 combine: str = 'sum',
                 order: Optional[Sequence[str]] = None,
                 share_projections: Sequence[str] = (),
                 drop_path_rate: float = 0.,
                 with_cp: bool = False,
                 plain: bool = False,
                 init_cfg: Optional[ConfigType] = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.combine, self.order = combine, list(order or sorted(exchanges))
        self.with_cp = with_cp
        self.experts = ModuleDict({  # mmengine's ModuleDict, which passes init_weights on
            name: MODELS.build({'drop_path_rate': drop_path_rate, 'name': name, **experts[name]})
            for name in sorted(experts)})
        self.check(exchanges, order)
        self.exchanges = nn.ModuleList(
            nn.ModuleDict({
                name: self.build_exchange(float(rate), **exchanges[name]) for name in self.order
                if i in exchanges[name].get('layers', range(self.depth))})
            for i, rate in enumerate(np.linspace(0, drop_path_rate, self.depth)))
        for name in share_projections:
            self.share(name)
        set_plain(self, plain)

    def check(self, exchanges: Dict[str, ConfigType], order: Optional[Sequence[str]]) -> None:
        """Raises an InputError if depths, layers or the order of exchanges do not fit."""
        depths = {name: expert.depth for name, expert in self.experts.items()}
        if len(set(depths.values())) != 1:
            raise InputError(f'experts go in step, block by block, but their depths are {depths}')
        self.depth = next(iter(depths.values()))
        for name, cfg in exchanges.items():
            layers = cfg.get('layers', ())
            if set(layers) - set(range(self.depth)) or not cfg.get('layers', True):
                raise InputError(f'the exchange {name!r} has layers={list(layers)}, but the {self.depth} '
                                 f'blocks are numbered 0 to {self.depth - 1}; name some of these')
        if self.combine not in ('sum', 'mean', 'sequence'):
            raise InputError(f"combine={self.combine!r} is not known; choose 'sum', 'mean' or 'sequence'")
        if sorted(self.order) != sorted(exchanges) or (
                self.combine == 'sequence' and order is None and len(exchanges) > 1):
            raise InputError(f'order={order} must name each of the exchanges {sorted(exchanges)} once')

    def build_exchange(self, rate: float, between: Tuple[str, ...] = (), layers=(), **cfg):
        """Builds one exchange for the widths and grids of its two experts."""
        between = tuple(between) or tuple(self.experts)
        missing = [name for name in between if name not in self.experts]
        if missing or len(between) != 2 or len(set(between)) != 2:
            raise InputError(f'an exchange needs two experts, got between={between}; the experts '
                             f'are {tuple(self.experts)}')
        exchange = MODELS.build({
            'drop_path_rate': rate,
            **cfg, 'embed_dims': {n: self.experts[n].embed_dims for n in between},
            'grids': {n: self.experts[n].grid for n in between}})
        # keys of the batch that it depends on: nothing is exchanged about samples that lack one of them
        exchange.reads = [self.experts[n].modality for n in between] + list(
            exchange.side_inputs(self.modality_shapes()))
        return exchange

    def share(self, expert: str) -> None:
        """Makes the exchanges of each block share the projections of an expert."""
        shared = False
        for i in range(self.depth):
            first, *others = [e for e in self.exchanges_at(i).values() if expert in e.other] or [None]
            for exchange in others:
                shared |= exchange.share(first, expert)
        if not shared:
            raise InputError(f'share_projections names {expert!r}, but no block has two exchanges that can '
                             f'share its projections; the experts are {list(self.experts)}')

    def exchanges_at(self, i: int) -> Dict[str, Any]:
        """Returns the exchanges of block ``i`` by name."""
        return dict(self.exchanges[i].items())  # type: ignore[operator]

    def forward(self, inputs: Inputs) -> Dict[str, Tensor]:
        """Computes the features of a batch of clips.

        Args:
            inputs: A normalised clip ``(B, 3, F, H, W)``, or a dict of modalities and side inputs. A boolean
                ``<modality>_mask`` of shape ``(B, )`` says which samples have a modality. For the others, its
                expert sends nothing and its feature is zero. If all lack it, the mask suffices.

        Returns:
            The pooled feature of each expert, ``(B, D)``, or ``(B, T, D)`` if it gives one per frame, in the
            dtype of the input regardless of the dtype of the weights.
        """
        inputs = self.with_side_inputs(as_batch(inputs))
        dtype = next(self.parameters()).dtype  # all weights have the same dtype
        read = [inputs[e.modality] for e in self.experts.values() if e.modality in inputs]
        given = next((value.dtype for value in read if value.is_floating_point()), dtype)
        x = {name: e.embed(e.renormalize(e.pick(inputs).to(dtype))) for name, e in self.experts.items()}
        for i in range(self.depth):
            last = i == self.depth - 1
            if self.with_cp and torch.is_grad_enabled():
                x = checkpoint(self.block, i, x, inputs, last, use_reentrant=False)
            else:
                x = self.block(i, x, inputs, last)
        return {name: masked(e.pool(x[name]), e.mask(inputs)).to(given) for name, e in self.experts.items()}

    def block(self, i: int, x: Streams, inputs: Dict[str, Tensor] = {}, last: bool = False) -> Streams:
        """Runs block ``i`` of all experts.

        Args:
            i: Index of the block.
            x: Tokens of each expert.
            inputs: The batch.
            last: Whether to drop the patches of experts that pool their class tokens, as nothing reads them.
        """
        x = {name: e.self_attend(i, x[name]) for name, e in self.experts.items()}  # eq. 3
        x = self.exchange(i, x, inputs, last)  # eq. 7, 8 and 4
        return {name: e.feed_forward(i, x[name]) for name, e in self.experts.items()}  # eq. 5

    def exchange(self, i: int, x: Streams, inputs: Dict[str, Tensor], last: bool) -> Streams:
        """Runs all exchanges of block ``i``, stage by stage; the single one of the paper is one stage."""
        exchanges = list(self.exchanges_at(i).values())
        stages = [[e] for e in exchanges] if self.combine == 'sequence' and exchanges else [exchanges]
        unread: Set[str] = set()
        for k, stage in enumerate(stages):
            if last and not self.plain:  # drop patches that no later stage reads
                later = [e for stage in stages[k + 1:] for e in stage]
                unread = {n for n, e in self.experts.items() if e.pools_prefix}
                unread -= {name for e in later for name in e.other}
            updates: Dict[str, list] = {name: [] for name in x}
            for exchange in stage:
                masks = [inputs[key + MASK] for key in exchange.reads if key + MASK in inputs]
                complete = torch.stack(masks).all(0) if masks else None
                for name, phi in exchange(x, inputs, unread).items():
                    read = phi[:, :, :x[name].num_prefix] if name in unread else phi
                    updates[name].append((read, complete))
            x = {name: t.drop_patches() if name in unread else t for name, t in x.items()}
            x = {name: t.replace(t.data + self.combined(updates[name])) if updates[name] else t
                 for name, t in x.items()}  # eq. 4
        return x

    def combined(self, updates: List[Tuple[Tensor, Optional[Tensor]]]) -> Tensor:
        """Returns the sum of a stream's updates, or per sample the mean of those it is complete for."""
        total = functools.reduce(torch.add, (masked(phi, mask) for phi, mask in updates))
        if self.combine != 'mean':
            return total
        ones = total.new_ones(total.shape[0])
        count = torch.stack([ones if mask is None else mask.to(ones) for _, mask in updates]).sum(0)
        return masked(total, 1 / count.clamp(min=1))

    def layer_groups(self) -> List[List[nn.Parameter]]:
        """Returns parameters by depth: embeddings, each block with its exchanges, and the last norms."""
        experts = [expert.layer_groups() for expert in self.experts.values()]
        exchanges = [[], *(list(e.parameters()) for e in self.exchanges), []]
        return [sum(groups, []) for groups in zip(*experts, exchanges)]

    def modality_shapes(self, smallest: bool = False) -> Shapes:
        """Returns the shape of the native, or of the smallest, input of each modality, without the batch."""
        shapes: Shapes = {}
        for e in self.experts.values():
            shape = e.input_shape(smallest)
            shapes[e.modality] = tuple(map(math.lcm, shapes.get(e.modality, shape), shape))
        return shapes

    def side_inputs(self, shapes: Shapes) -> Shapes:
        """Returns the shapes of the side inputs that the exchanges read beside those of the modalities."""
        parts = (e.side_inputs(shapes) for i in range(self.depth) for e in self.exchanges_at(i).values())
        return {key: shape for part in parts for key, shape in part.items()}

    def smallest_inputs(self) -> Shapes:
        """Returns the shapes, without the batch axis, of the smallest batch that all modules can read."""
        shapes = self.modality_shapes(smallest=True)
        return {**shapes, **self.side_inputs(shapes)}

    def with_side_inputs(self, batch: Dict[str, Tensor]) -> Dict[str, Tensor]:
        """Adds zeros for side inputs that, as their mask says, all samples lack.

        Raises:
            InputError: If a side input is missing without a mask.
        """
        sides = {key for i in range(self.depth) for e in self.exchanges_at(i).values() for key in e.reads}
        missing = sides - set(batch) - {e.modality for e in self.experts.values()}
        for key in missing:
            if key + MASK not in batch:
                raise InputError(f'an exchange reads the side input {key!r}, but the batch has '
                                 f'{sorted(batch)}; name it in collect_keys')
            mask, shape = batch[key + MASK], self.side_inputs(self.modality_shapes())[key]
            batch[key] = torch.zeros(len(mask), *shape, device=mask.device)
        return batch

    @torch.no_grad()
    def set_input_size(self, size: Tuple[int, ...], modality: str = 'video') -> None:
        """Changes the native input size by resizing all position tables once, in place.

        Inputs of any other size resize them in each forward pass, with operators that exporters may not
        support. Checkpoints of the former size no longer fit, so load them first.

        Args:
            size: Size ``(F, H, W)`` of a clip.
            modality: Modality whose experts read inputs of that size.
        """
        resized = [e for e in self.experts.values() if e.modality == modality]
        grids = {name: e.grid_of(size) if e in resized else e.grid for name, e in self.experts.items()}
        exchanges = [e for i in range(self.depth) for e in self.exchanges_at(i).values()]
        for exchange in exchanges:  # all of them, before anything is changed
            exchange.check_grids(grids)
        for expert in resized:
            expert.set_input_size(size)
        for exchange in exchanges:
            exchange.set_grids(grids)
