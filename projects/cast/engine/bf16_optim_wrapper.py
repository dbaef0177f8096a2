"""Mixed precision in bfloat16, on a CPU too."""
from contextlib import contextmanager

import torch
from mmengine.device import get_device
from mmengine.optim import OptimWrapper

from mmaction.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class BF16OptimWrapper(OptimWrapper):
    """``OptimWrapper`` that runs the model under bfloat16 autocast; nothing needs a loss scale.

    mmengine's ``AmpOptimWrapper`` refuses to start without a GPU; use it for fp16 (``--amp``).
    """

    @contextmanager
    def optim_context(self, model):
        """Autocast, inside the accumulation context of the base class."""
        with super().optim_context(model), torch.autocast(get_device().split(':')[0], torch.bfloat16):
            yield
