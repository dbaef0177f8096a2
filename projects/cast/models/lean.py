"""What is computed more cheaply than it is written; ``plain=True`` computes it as it is written.

``TwoExpertViT(plain=True)`` sets the attribute ``plain`` of the modules that call these functions.
"""
from typing import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint


def has_amx() -> bool:
    """Whether this CPU multiplies bfloat16 matrices tile by tile (Intel's AMX)."""
    if hasattr(torch.cpu, 'get_capabilities'):
        return bool(torch.cpu.get_capabilities().get('amx_bf16'))
    return getattr(torch.cpu, '_is_amx_tile_supported', lambda: False)()  # older torch


# Without AMX torch's fused function is no faster in bfloat16 than in float32. Head by head the matrix of
# scores fits the cache. Asked once: a compiler cannot trace the question.
HEAD_BY_HEAD = not has_amx()


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


def attend(q: Tensor, k: Tensor, v: Tensor, plain: bool = False) -> Tensor:
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
    if HEAD_BY_HEAD and q.device.type == 'cpu' and q.dtype == torch.bfloat16 and not torch.is_grad_enabled():
        # Scores are rounded before the softmax, as under autocast.
        return torch.stack([materialised(*head) for head in zip(q.unbind(1), k.unbind(1), v.unbind(1))], 1)
    return F.scaled_dot_product_attention(q, k, v)


def quick_gelu(x: Tensor, plain: bool = False) -> Tensor:
    """``x sigmoid(1.702 x)``, fused: one tensor is kept for the backward pass instead of two."""
    return x * torch.sigmoid(1.702 * x) if plain else F.silu(1.702 * x).div_(1.702)
