"""The bottleneck adapter, eq. 2."""
from typing import Optional

import torch.nn.functional as F
from torch import Tensor, nn

from .efficient import recompute


def zero_init(linear: nn.Linear) -> nn.Linear:
    """Sets weight and bias to zero, so that the branch that ends in it starts as nothing."""
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear


def gelu_linear(h: Tensor, linear: nn.Module, plain: bool = False) -> Tensor:
    """``GELU(h) W``, as eq. 2 and 8 end; the backward pass computes GELU again."""
    return recompute(lambda h: linear(F.gelu(h)), h, plain)


class Adapter(nn.Module):
    """``ADAP(x) = GELU(x W_D) W_U`` (eq. 2), without a skip; ``W_U`` starts at zero.

    Args:
        embed_dims: width D of the tokens.
        ratio: bottleneck width over D.
        out_dims: width of the result, if it is not D.
    """

    plain = False

    def __init__(self, embed_dims: int, ratio: float = 0.25, out_dims: Optional[int] = None) -> None:
        super().__init__()
        self.down = nn.Linear(embed_dims, int(embed_dims * ratio))
        self.up = zero_init(nn.Linear(int(embed_dims * ratio), out_dims or embed_dims))

    def forward(self, x: Tensor) -> Tensor:
        """``(..., D)`` to ``(..., out_dims)``."""
        return gelu_linear(self.down(x), self.up, self.plain)
