"""bfloat16: autocast in training, weights of that dtype in testing; on a CPU too."""
from contextlib import contextmanager

import torch
from mmengine.device import get_device
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper

from mmaction.registry import HOOKS, OPTIM_WRAPPERS


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


@HOOKS.register_module()
class BF16TestHook(Hook):
    """Tests with the weights of a ``TwoExpertViT`` in bfloat16, cast once; head and scores stay in float32.

    Use: ``tools/test.py ... --cfg-options default_hooks.bf16.type=BF16TestHook``; in scripts
    ``model.backbone.bfloat16()`` does the same. Validation in training is left as it is. There is no way
    back: load the checkpoint again to train.
    """

    def before_test(self, runner) -> None:
        """Casts the backbone, which has its checkpoint by now."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        model.backbone.bfloat16()
