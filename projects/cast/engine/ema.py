"""Moving average of the learnable parameters."""
from collections import OrderedDict

from mmengine.model import ExponentialMovingAverage
from torch import nn

from mmaction.registry import MODELS


@MODELS.register_module()
class LearnableEMA(ExponentialMovingAverage):
    """``ExponentialMovingAverage`` of the learnable parameters; frozen ones are shared with the model.

    Use: ``custom_hooks = [dict(type='EMAHook', ema_type='LearnableEMA', momentum=2.5e-5)]``. Frozen
    parameters are not duplicated in memory or in checkpoints.

    Args:
        model: Model to be averaged.
        kwargs: See mmengine's ``ExponentialMovingAverage``.
    """

    def __init__(self, model: nn.Module, **kwargs) -> None:
        super().__init__(model, **kwargs)
        learnable = {name for name, p in model.named_parameters() if p.requires_grad}
        for name, parameter in model.named_parameters():
            if name not in learnable:
                self.module.get_parameter(name).data = parameter.data
        self.avg_parameters = {k: p for k, p in self.module.named_parameters() if k in learnable}

    def state_dict(self, *args, **kwargs):
        """Returns the averages and the number of steps."""
        state = super().state_dict(*args, **kwargs)
        averaged = {id(p) for p in self.avg_parameters.values()}  # under all names of what modules share
        names = {name for name, p in self.named_parameters(remove_duplicate=False) if id(p) in averaged}
        return OrderedDict((k, v) for k, v in state.items() if k in names | {'steps'})

    def load_state_dict(self, state_dict, strict: bool = True, **kwargs):
        """Loads the result of :meth:`state_dict`; all other values stay as they are."""
        return super().load_state_dict({**super().state_dict(), **state_dict}, strict, **kwargs)
