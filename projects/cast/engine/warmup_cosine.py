"""A learning rate that rises on a line to a cosine which began with the training."""
import math
from typing import List

from mmengine.optim import CosineAnnealingLR

from mmaction.registry import PARAM_SCHEDULERS

from ..utils import InputError


@PARAM_SCHEDULERS.register_module()
class WarmupCosineLR(CosineAnnealingLR):
    """mmengine's ``CosineAnnealingLR`` whose beginning is replaced by a line up to the cosine's value there.

    This is X-ViT's schedule. With ``LinearLR`` and ``CosineAnnealingLR`` in sequence, the cosine would begin
    only after the warm-up.

    Args:
        warmup: Length of the warm-up, in epochs or iterations as ``begin`` and ``end`` are.
        start_factor: The rate at the start of the line is ``start_factor`` times the base rate.
        kwargs: See mmengine's ``CosineAnnealingLR``.

    Raises:
        InputError: If the warm-up does not end before the schedule.
    """

    def __init__(self, optimizer, warmup: float = 5, start_factor: float = 0.1, **kwargs) -> None:
        self.warmup, self.start_factor = warmup, start_factor
        super().__init__(optimizer, **kwargs)
        if warmup >= self.T_max:
            raise InputError(f'warmup={warmup} must be less than the {self.T_max} epochs or iterations of '
                             'the schedule, end - begin')

    @classmethod
    def build_iter_from_epoch(cls, *args, epoch_length: int, warmup: float = 5, **kwargs):
        """Builds the scheduler by iterations from arguments by epochs."""
        return super().build_iter_from_epoch(
            *args, epoch_length=epoch_length, warmup=warmup * epoch_length, **kwargs)

    def _get_value(self) -> List[float]:
        return [self.line(base) if self.last_step < self.warmup else self.cosine(base, self.last_step)
                for base in self.base_values]

    def line(self, base: float) -> float:
        """Returns the rate of this step, if it belongs to the warm-up."""
        start = self.start_factor * base
        return start + (self.cosine(base, self.warmup) - start) * self.last_step / self.warmup

    def cosine(self, base: float, step: float) -> float:
        """Returns the rate of the cosine at any step."""
        low = self.eta_min if self.eta_min_ratio is None else base * self.eta_min_ratio
        return low + (base - low) * (1 + math.cos(math.pi * step / self.T_max)) / 2
