"""Moving average of what is learned."""
from collections import OrderedDict

from mmengine.model import ExponentialMovingAverage
from torch import nn

from mmaction.registry import MODELS


@MODELS.register_module()
class LearnableEMA(ExponentialMovingAverage):
    """``ExponentialMovingAverage`` of the learnable parameters; the frozen ones are shared with the model.

    Use: ``custom_hooks = [dict(type='EMAHook', ema_type='LearnableEMA', momentum=2.5e-5)]``. Neither memory
    nor checkpoints hold the frozen parameters twice.

    Args:
        model: model to be averaged.
        kwargs: see mmengine's ``ExponentialMovingAverage``.
    """

    def __init__(self, model: nn.Module, **kwargs) -> None:
        super().__init__(model, **kwargs)
        learnable = {name for name, p in model.named_parameters() if p.requires_grad}
        for name, parameter in model.named_parameters():
            if name not in learnable:
                self.module.get_parameter(name).data = parameter.data
        self.avg_parameters = {k: p for k, p in self.module.named_parameters() if k in learnable}

    def state_dict(self, *args, **kwargs):
        """The averages and the number of steps."""
        state = super().state_dict(*args, **kwargs)
        keep = {f'module.{name}' for name in self.avg_parameters} | {'steps'}
        return OrderedDict((k, v) for k, v in state.items() if k in keep)

    def load_state_dict(self, state_dict, strict: bool = True, **kwargs):
        """Loads what :meth:`state_dict` gave; the rest stays as it is."""
        return super().load_state_dict({**super().state_dict(), **state_dict}, strict, **kwargs)
