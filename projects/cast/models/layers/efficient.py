"""Cheaper ways to compute the equations; with ``plain=True``, they are computed exactly as written.

:func:`set_plain` sets the attribute ``plain`` of all modules that call these functions.
"""
import functools
import time
from typing import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


def set_plain(model: nn.Module, plain: bool) -> None:
    """Sets ``plain`` of a backbone and all its parts."""
    for module in model.modules():
        if hasattr(type(module), 'plain'):
            module.plain = plain  # type: ignore[assignment]  # torch declares attributes as tensors


def recompute(function: Callable[[Tensor], Tensor], x: Tensor, plain: bool = False) -> Tensor:
    """Computes a cheap ``function(x)`` so that only ``x`` is kept for the backward pass.

    The function must end in a linear layer, which is not recomputed; only its input is. (A compiler may
    decide otherwise.)
    """
    if plain or not torch.is_grad_enabled():
        return function(x)
    return checkpoint(function, x, use_reentrant=False, preserve_rng_state=False)


def materialised(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """``softmax(Q K^T / sqrt(d)) V``, exactly as eq. 1 is written."""
    return (q @ k.mT * q.shape[-1]**-0.5).softmax(-1) @ v


def by_head(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Eq. 1 for one head at a time, so that the scores fit the cache; they are rounded before the softmax."""
    return torch.stack([materialised(*head) for head in zip(q.unbind(1), k.unbind(1), v.unbind(1))], 1)


def seconds(function: Callable[..., Tensor], *tensors: Tensor) -> float:
    """Measures the time of one call."""
    start = time.perf_counter()
    function(*tensors)
    return time.perf_counter() - start


@torch.compiler.assume_constant_result  # a compiler calls it, too, but does not trace it
@functools.lru_cache(None)
def prefers_by_head() -> bool:
    """Returns whether this CPU computes bfloat16 attention faster head by head than torch's fused function.

    This is measured once, at the size of VideoMAE's attention, because the CPU's features (AMX, AVX-512 in
    bfloat16) do not tell. The fused one was 2 to 4 times faster on an Intel Xeon, 3 times slower on an EPYC.
    """
    with torch.inference_mode():
        q = torch.zeros(1, 4, 1568, 64, dtype=torch.bfloat16)
        ways = by_head, F.scaled_dot_product_attention
        turns = [[seconds(way, q, q, q) for way in ways] for _ in range(3)]
    apart, fused = map(min, zip(*turns))
    return apart < fused


def dot_product_attention(q: Tensor, k: Tensor, v: Tensor, plain: bool = False) -> Tensor:
    """Scaled dot-product attention, eq. 1.

    Args:
        q: Queries ``(B, heads, N, d)``.
        k, v: Keys and values ``(B, heads, N', d)``.
        plain: Whether to materialise the score matrices of all heads.

    Returns:
        The attended values, ``(B, heads, N, d)``.
    """
    if plain:
        return materialised(q, k, v)
    low = q.device.type == 'cpu' and q.dtype == torch.bfloat16 and not torch.is_grad_enabled()
    if low and prefers_by_head():
        return by_head(q, k, v)
    return F.scaled_dot_product_attention(q, k, v)


def quick_gelu(x: Tensor, plain: bool = False) -> Tensor:
    """``x sigmoid(1.702 x)``, fused: the backward pass needs one tensor instead of two."""
    return x * torch.sigmoid(1.702 * x) if plain else F.silu(1.702 * x).div_(1.702)
