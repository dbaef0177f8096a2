"""A head that adapts the features of several experts before it predicts several labels."""
from typing import Any, Dict, Sequence

from mmengine.model import ModuleDict
from torch import Tensor

from mmaction.registry import MODELS

from ...utils import InputError, in_order
from .adapted_sum import AdaptedSum, Features, width
from .multi_task_head import MultiTaskHead


@MODELS.register_module()
class AdaptedTaskHead(MultiTaskHead):
    """:class:`MultiTaskHead` that adapts the features of a task's experts before it adds them up.

    CA2ST and CAVA predict verb and noun like this.

    Args:
        skip, quick_gelu: See :class:`AdaptedSum`.
        share_adapters: Whether all tasks read the same sum, as in CAVA. Otherwise each has its own adapters.
        kwargs: See :class:`MultiTaskHead`. ``fusion`` can only be ``add``.

    Raises:
        InputError: If tasks with different experts are to share the adapters, or the arguments do not fit.
    """

    def __init__(self, skip: bool = False, quick_gelu: Sequence[str] = (), share_adapters: bool = False,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        if self.fusion != 'add':
            raise InputError(f'AdaptedTaskHead adds features, fusion={self.fusion!r} does not fit; omit it')
        unknown = set(quick_gelu) - {e for names in self.experts.values() for e in names}
        if unknown:
            raise InputError(f'quick_gelu={list(quick_gelu)} must be among the experts {self.experts}')
        sums = {task: AdaptedSum(names, self.in_channels, skip=skip, quick_gelu=set(quick_gelu) & set(names))
                for task, names in self.experts.items()}
        if share_adapters and len(set(self.experts.values())) > 1:
            raise InputError(f'tasks that share adapters need the same experts, in the same order, got '
                             f'{self.experts}; or set share_adapters=False')
        self.share_adapters = share_adapters
        self.adapters: Any = next(iter(sums.values())) if share_adapters else ModuleDict(
            {task: sums[task] for task in in_order(sums)})

    def fused_width(self, task: str) -> int:
        return width(self.in_channels, self.experts[task][0])

    def fuse(self, x: Features) -> Dict[str, Tensor]:
        dtype = next(self.parameters()).dtype
        if self.share_adapters:
            return dict.fromkeys(self.experts, self.adapters(x, dtype))
        return {task: adapters(x, dtype) for task, adapters in self.adapters.items()}
