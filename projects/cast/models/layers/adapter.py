"""The bottleneck adapter, eq. 2."""
from typing import Optional

import torch.nn.functional as F
from torch import Tensor, nn

from .efficient import quick_gelu, recompute


def zero_init(linear: nn.Linear) -> nn.Linear:
    """Sets weight and bias to zero, so that the branch that ends in this layer initially adds nothing."""
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear


def gelu_linear(h: Tensor, linear: nn.Module, plain: bool = False) -> Tensor:
    """``GELU(h) W``, the end of eq. 2 and 8; the backward pass recomputes GELU."""
    return recompute(lambda h: linear(F.gelu(h)), h, plain)


class Adapter(nn.Module):
    """``ADAP(x) = GELU(x W_D) W_U`` (eq. 2), without a skip connection; ``W_U`` is initialised to zero.

    Args:
        embed_dims: Width D of the tokens.
        ratio: Ratio of the bottleneck width to D.
        out_dims: Width of the result, if it is not D.
        quick_gelu: Whether to use CLIP's activation in place of GELU.
    """

    plain = False

    def __init__(self, embed_dims: int, ratio: float = 0.25, out_dims: Optional[int] = None,
                 quick_gelu: bool = False) -> None:
        super().__init__()
        self.quick_gelu = quick_gelu
        self.down = nn.Linear(embed_dims, int(embed_dims * ratio))
        self.up = zero_init(nn.Linear(int(embed_dims * ratio), out_dims or embed_dims))

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``(..., D)`` to ``(..., out_dims)``."""
        if self.quick_gelu:
            return recompute(lambda h: self.up(quick_gelu(h, self.plain)), self.down(x), self.plain)
        return gelu_linear(self.down(x), self.up, self.plain)
