"""What is computed more cheaply than it is written, and the switch that turns all of it off."""
from contextlib import contextmanager
from typing import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

_plain = False


@contextmanager
def plain(on: bool = True) -> Iterator[None]:
    """Switches all of this module off: eq. 1 and GELU as they are written, and every activation kept.

    The yardstick of ``tools/analysis/benchmark.py``. Attention that is a tower's own (timm's) stays as it is.
    """
    global _plain
    before, _plain = _plain, on
    try:
        yield
    finally:
        _plain = before


def recompute(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """``function(x)``, of which only ``x`` is kept for the backward pass; for what costs next to nothing.

    The function must end in a linear layer, which is not computed again: only its input is. (A compiler may
    decide otherwise.)
    """
    if _plain or not torch.is_grad_enabled():
        return function(x)
    return checkpoint(function, x, use_reentrant=False, preserve_rng_state=False)


def materialised(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """``softmax(Q K^T / sqrt(d)) V``, eq. 1, word for word."""
    return (q @ k.mT * q.shape[-1]**-0.5).softmax(-1) @ v


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Eq. 1.

    Args:
        q: ``(B, heads, N, d)``.
        k, v: ``(B, heads, N', d)``.

    Returns:
        ``(B, heads, N, d)``.
    """
    if _plain:
        return materialised(q, k, v)
    if q.device.type == 'cpu' and q.dtype == torch.bfloat16 and not torch.is_grad_enabled():
        # In torch 2.15 the fused function is no faster there than in float32 (without AMX). Head by head the
        # matrix fits the cache. Scores are rounded before the softmax, as under autocast.
        return torch.stack([materialised(*head) for head in zip(q.unbind(1), k.unbind(1), v.unbind(1))], 1)
    return F.scaled_dot_product_attention(q, k, v)


def quick_gelu(x: Tensor) -> Tensor:
    """``x sigmoid(1.702 x)``, fused: one tensor is kept for the backward pass instead of two."""
    return x * torch.sigmoid(1.702 * x) if _plain else F.silu(1.702 * x).div_(1.702)
