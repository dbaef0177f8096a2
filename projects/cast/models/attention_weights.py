"""Where the tokens look: attention weights, recorded while a model runs as it always does."""
from contextlib import ExitStack, contextmanager
from typing import Any, Collection, ContextManager, Iterator, List, NamedTuple, Optional

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..utils import InputError
from .exchanges import CrossAttention
from .experts import Expert
from .layers import WINDOWS, Grid, Tokens
from .layers.efficient import prefers_by_head

FORMS = {'time': '(b s) h t u -> b h s t u', 'space': '(b t) h s r -> b h t s r'}


class AttentionWeights(NamedTuple):
    """The weights of one attention call, which sum to 1 over the tokens that are asked.

    With T frames of S tokens that ask, and T' frames of S' tokens that are asked, class tokens first, their
    shape is ``(B, heads, S, T, T')`` for the window ``time``, ``(B, heads, T, S, S')`` for ``space`` and
    ``(B, heads, T, S, T', S')`` for ``space-time``. In an exchange, class tokens neither ask nor are asked.

    Attributes:
        block: The block, counted from 0.
        exchange: Name of the exchange, or None for an expert's own attention.
        asking, asked: Names of the experts whose tokens ask, and are asked. In T2S, the spatial expert asks.
        window: A key of ``WINDOWS``.
        weights: The weights, in single precision.
        grid: Grid ``(T', H', W')`` of the patches that are asked.
        num_prefix: Number of class tokens that are asked in each frame.
    """

    block: int
    exchange: Optional[str]
    asking: str
    asked: str
    window: str
    weights: Tensor
    grid: Grid
    num_prefix: int


class SoftmaxRecorder(TorchFunctionMode):
    """While active, keeps the weights of every softmax; those of torch's fused attention are recomputed."""

    def __init__(self) -> None:
        super().__init__()
        self.weights: List[Tensor] = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Runs ``func`` as it would run without the recorder."""
        out, name = func(*args, **(kwargs or {})), getattr(func, '__name__', '')
        if name == 'scaled_dot_product_attention':
            self.weights.append(fused_weights(*args, **(kwargs or {})))
        elif name == 'softmax':
            self.weights.append(out.float())
        return out

    def result(self) -> Tensor:
        """Returns the weights of one attention call, ``(B', heads, N, N')``, whose heads may be apart."""
        return self.weights[0] if self.weights[0].dim() == 4 else torch.stack(self.weights, 1)


def fused_weights(q: Tensor, k: Tensor, v: Tensor, attn_mask: Optional[Tensor] = None, dropout_p: float = 0.,
                  is_causal: bool = False, scale: Optional[float] = None, **_) -> Tensor:
    """Returns ``softmax(Q K^T / sqrt(d))`` of a call of torch's fused function, without dropout."""
    if attn_mask is not None or is_causal:
        raise InputError('the weights of masked attention cannot be recorded; leave this expert out')
    return (q.float() @ k.float().mT * (scale or q.shape[-1]**-0.5)).softmax(-1)


def in_window(weights: Tensor, window: str, asking: Tokens, asked: Tokens) -> Tensor:
    """Reshapes the weights of folded sequences to the form that :class:`AttentionWeights` describes."""
    if window == 'space-time':
        return rearrange(
            weights, 'b h (t s) (u r) -> b h t s u r', t=asking.data.shape[1], u=asked.data.shape[1])
    return rearrange(weights, FORMS[window], b=len(asking.data))


@contextmanager
def replaced(owner: nn.Module, **methods: Any) -> Iterator[None]:
    """Replaces methods of one module."""
    for name, method in methods.items():
        setattr(owner, name, method)
    try:
        yield
    finally:
        for name in methods:
            delattr(owner, name)


def watch_expert(expert: Expert, blocks: Optional[Collection[int]],
                 found: List[AttentionWeights]) -> ContextManager[None]:
    """Records the self-attention of an expert."""
    self_attend, self_attention, block = expert.self_attend, expert.self_attention, 0

    def attend(i: int, x: Tokens) -> Tokens:
        nonlocal block
        block = i
        return self_attend(i, x)

    def attention(attn: Any, n: Tokens, *window: str) -> Tensor:
        if blocks is not None and block not in blocks:
            return self_attention(attn, n, *window)
        with SoftmaxRecorder() as recorder:
            out = self_attention(attn, n, *window)
        name, seen = expert.name, (window or (expert.window, ))[0]
        found.append(AttentionWeights(
            block, None, name, name, seen, in_window(recorder.result(), seen, n, n), n.grid, n.num_prefix))
        return out

    return replaced(expert, self_attend=attend, self_attention=attention)


def watch_exchange(cross: CrossAttention, block: int, exchange: str, asking: str, asked: str,
                   found: List[AttentionWeights]) -> ContextManager[None]:
    """Records one direction of an exchange."""
    cross_attention = cross.forward

    def forward(query: Tokens, context: Tokens) -> Tensor:
        with SoftmaxRecorder() as recorder:
            out = cross_attention(query, context)
        if recorder.weights:  # there are none if nothing reads the patches of the query
            weights = in_window(recorder.result(), cross.window, query, context)
            found.append(AttentionWeights(
                block, exchange, asking, asked, cross.window, weights, context.grid, 0))
        return out

    return replaced(cross, forward=forward)


@contextmanager
def record_attention(model: nn.Module,
                     blocks: Optional[Collection[int]] = None) -> Iterator[List[AttentionWeights]]:
    """Records the attention weights of experts and exchanges while the context lasts.

    Usage::

        with record_attention(model, blocks=[10]) as found:
            model.test_step(data)
        maps = {(a.asking, a.asked): received(a) for a in found}

    The outputs of the model stay the same, and outside of the context nothing is different. Served are all
    experts of this package and those of the user, as long as ``self_attention`` computes a single softmax
    attention, and the exchanges :class:`BCAST`, :class:`TimedBCAST` and :class:`FullWidthCrossAttention`. The
    others have no attention. If nothing reads the patches of a receiver, as in the last block those of CLIP,
    this direction is not computed, and not recorded.

    Args:
        model: A recognizer or a backbone.
        blocks: Blocks to record, counted from 0; all by default. All weights of a ViT-B over 16 frames take
            1.5 GB per clip.

    Yields:
        A list that receives the weights, in the order in which they are computed.
    """
    prefers_by_head()  # measures attention the first time, which must not be recorded
    found: List[AttentionWeights] = []
    backbone: Any = getattr(model, 'backbone', model)
    with ExitStack() as stack:
        for expert in backbone.modules():
            if isinstance(expert, Expert):
                stack.enter_context(watch_expert(expert, blocks, found))
        for i in exchange_blocks(model):
            if blocks is None or i in blocks:
                for name, exchange in backbone.exchanges_at(i).items():
                    for r, cross in getattr(exchange, 'attn', {}).items():
                        stack.enter_context(watch_exchange(cross, i, name, r, exchange.other[r], found))
        yield found


def exchange_blocks(model: nn.Module) -> List[int]:
    """Returns the blocks, counted from 0, that have an exchange with attention."""
    backbone: Any = getattr(model, 'backbone', model)
    return [i for i in range(len(getattr(backbone, 'exchanges', ())))
            if any(getattr(exchange, 'attn', {}) for exchange in backbone.exchanges_at(i).values())]


def received(attention: AttentionWeights) -> Tensor:
    """Returns the weight that each patch receives, as the mean over heads and over the tokens that ask.

    Without class tokens it sums to 1 over the window: over each frame for ``space``, over time at each place
    for ``time``, and over the clip for ``space-time``. With them, the rest is what they receive.

    Returns:
        ``(B, T', S')``, on the grid of the patches that are asked.
    """
    first, count = attention.num_prefix, attention.grid[1] * attention.grid[2]
    asking = (1, 2, 3) if attention.window == 'space-time' else (1, 3)
    mass = attention.weights.mean(asking)
    mass = mass.mT if attention.window == 'time' else mass
    return mass[:, :, first:first + count]


def between_frames(attention: AttentionWeights) -> Tensor:
    """Returns how the weight of each frame is distributed over the frames it asks; each row sums to 1.

    It is the mean over heads and over the tokens of the frame that asks.

    Returns:
        ``(B, T, T')``. The mean over T is what each frame receives.

    Raises:
        InputError: If the window does not look along time.
    """
    if 0 not in WINDOWS[attention.window].spans:
        raise InputError(f'the window {attention.window!r} does not look along time')
    if attention.window == 'time':
        return attention.weights.mean((1, 2))
    return attention.weights.mean((1, 3)).sum(-1)
