"""Layer-wise learning rate decay that respects the modules' own choice of weight decay."""
from typing import Dict, List

from mmpretrain.engine import LearningRateDecayOptimWrapperConstructor
from torch import nn

from mmaction.registry import OPTIM_WRAPPER_CONSTRUCTORS


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecayOptimWrapperConstructor(LearningRateDecayOptimWrapperConstructor):
    """mmpretrain's constructor, which additionally asks modules for their ``no_weight_decay()``.

    This method, a convention of timm, returns the names of a module's own parameters without weight decay.
    A key of ``paramwise_cfg.custom_keys`` that matches such a parameter takes precedence.
    """

    paramwise_cfg: dict

    def add_params(self, params: List[dict], module: nn.Module, prefix: str = '', **kwargs) -> None:
        """Adds the parameters of a module and its children to the groups."""
        if not prefix:
            keys = self.paramwise_cfg.get('custom_keys', {})
            paths = {id(parameter): path for path, parameter in module.named_parameters()}
            names = [paths.get(id(getattr(m, name, None)), '') for m in module.modules()
                     for name in sorted(getattr(m, 'no_weight_decay', set)())]
            own = {name: dict(decay_mult=0.) for name in names
                   if name and not any(key in name for key in keys)}
            self.paramwise_cfg = {**self.paramwise_cfg, 'custom_keys': {**keys, **own}}
        super().add_params(params, module, prefix, **kwargs)
        if not prefix:  # modules shared by two exchanges were visited twice
            unique: Dict[int, dict] = {}
            for group in params:
                unique.setdefault(id(group['params'][0]), group)
            params[:] = unique.values()
