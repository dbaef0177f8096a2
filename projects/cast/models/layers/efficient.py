"""Cheaper ways to compute what the equations say; ``plain=True`` computes it word for word.

``MultiExpertViT(plain=True)`` sets the attribute ``plain`` of the modules that call these functions.
"""
import functools
import time
from typing import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint


def recompute(function: Callable[[Tensor], Tensor], x: Tensor, plain: bool = False) -> Tensor:
    """``function(x)``, of which only ``x`` is kept for the backward pass; for what costs next to nothing.

    The function must end in a linear layer, which is not computed again: only its input is. (A compiler may
    decide otherwise.)
    """
    if plain or not torch.is_grad_enabled():
        return function(x)
    return checkpoint(function, x, use_reentrant=False, preserve_rng_state=False)


def materialised(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """``softmax(Q K^T / sqrt(d)) V``, eq. 1, word for word."""
    return (q @ k.mT * q.shape[-1]**-0.5).softmax(-1) @ v


def by_head(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Eq. 1 head by head, whose matrix of scores fits the cache; scores are rounded before the softmax."""
    return torch.stack([materialised(*head) for head in zip(q.unbind(1), k.unbind(1), v.unbind(1))], 1)


def seconds(function: Callable[..., Tensor], *tensors: Tensor) -> float:
    """Time of one call."""
    start = time.perf_counter()
    function(*tensors)
    return time.perf_counter() - start


@torch.compiler.assume_constant_result  # a compiler asks, too, and does not trace the question
@functools.lru_cache(None)
def prefers_by_head() -> bool:
    """Whether attention in bfloat16 takes this CPU less time head by head than in torch's fused function.

    Measured once, at the size of VideoMAE's: what a CPU has (AMX, AVX-512 in bfloat16) does not tell. The
    factor was 2 to 4 one way on an Intel Xeon, and 3 the other way on an AMD EPYC.
    """
    with torch.inference_mode():
        q = torch.zeros(1, 4, 1568, 64, dtype=torch.bfloat16)
        ways = by_head, F.scaled_dot_product_attention
        turns = [[seconds(way, q, q, q) for way in ways] for _ in range(3)]
    apart, fused = map(min, zip(*turns))
    return apart < fused


def dot_product_attention(q: Tensor, k: Tensor, v: Tensor, plain: bool = False) -> Tensor:
    """Eq. 1.

    Args:
        q: ``(B, heads, N, d)``.
        k, v: ``(B, heads, N', d)``.
        plain: materialise the matrices of all heads.

    Returns:
        ``(B, heads, N, d)``.
    """
    if plain:
        return materialised(q, k, v)
    low = q.device.type == 'cpu' and q.dtype == torch.bfloat16 and not torch.is_grad_enabled()
    if low and prefers_by_head():
        return by_head(q, k, v)
    return F.scaled_dot_product_attention(q, k, v)


def quick_gelu(x: Tensor, plain: bool = False) -> Tensor:
    """``x sigmoid(1.702 x)``, fused: one tensor is kept for the backward pass instead of two."""
    return x * torch.sigmoid(1.702 * x) if plain else F.silu(1.702 * x).div_(1.702)
