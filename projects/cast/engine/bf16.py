"""bfloat16, also on a CPU: autocast in training, bfloat16 weights in testing."""
from contextlib import contextmanager

import torch
from mmengine.device import get_device
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper

from mmaction.registry import HOOKS, OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class BF16OptimWrapper(OptimWrapper):
    """``OptimWrapper`` that runs the model under bfloat16 autocast, which needs no loss scaling.

    mmengine's ``AmpOptimWrapper`` does not start without a GPU; use it for fp16 (``--amp``).
    """

    @contextmanager
    def optim_context(self, model):
        """Enters autocast inside the accumulation context of the base class."""
        with super().optim_context(model), torch.autocast(get_device().split(':')[0], torch.bfloat16):
            yield


@HOOKS.register_module()
class BF16TestHook(Hook):
    """Tests with the backbone's weights cast to bfloat16 once; head and scores stay in float32.

    Use: ``tools/test.py ... --cfg-options default_hooks.bf16.type=BF16TestHook``. In scripts,
    ``model.backbone.bfloat16()`` does the same. Validation during training is not affected. The cast cannot
    be undone: load the checkpoint again to train.
    """

    def before_test(self, runner) -> None:
        """Casts the backbone, whose checkpoint has been loaded by now."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        model.backbone.bfloat16()
