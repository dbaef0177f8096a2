"""Mixup as the release does it, and batch augmentation of verb and noun labels."""
from typing import Dict, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmaction.models.utils.blending_utils import MixupBlending, RandomBatchAugment
from mmaction.registry import MODELS
from mmaction.utils import SampleList

from ..tasks import in_order


@MODELS.register_module()
class ReverseMixup(MixupBlending):
    """Mixup (https://arxiv.org/abs/1710.09412) of a batch with its own reverse, one lambda a batch.

    MMAction2's ``MixupBlending`` mixes with a random permutation instead.

    Args:
        alpha: lambda is drawn from Beta(alpha, alpha).
        num_classes: number of classes; :class:`VerbNounBatchAugment` needs none.
    """

    def __init__(self, alpha: float = 0.8, num_classes: int = 0) -> None:
        super().__init__(num_classes, alpha)

    def do_blending(self, imgs: Tensor, label: Tensor, **kwargs) -> Tuple[Tensor, Tensor]:
        """Mixes ``imgs`` ``(B, ...)`` and one-hot ``label`` ``(B, classes)``."""
        lam = self.beta.sample()
        return lam * imgs + (1 - lam) * imgs.flip(0), lam * label + (1 - lam) * label.flip(0)


@MODELS.register_module()
class VerbNounBatchAugment(RandomBatchAugment):
    """``RandomBatchAugment`` for samples with a verb and a noun: both are mixed by the same lambda.

    ``gt_label`` becomes the one-hot labels of all tasks behind each other, as ``VerbNounHead`` reads them.

    Args:
        augments, probs: see MMAction2's ``RandomBatchAugment``.
        num_classes: task to number of classes.
    """

    def __init__(self, augments, probs=None, num_classes: Dict[str, int] = dict(verb=97, noun=300)) -> None:
        super().__init__(augments, probs)
        self.classes = tuple(in_order(num_classes).values())

    def __call__(self, imgs: Tensor, batch_data_samples: SampleList, **kwargs) -> Tuple[Tensor, SampleList]:
        for sample in batch_data_samples:
            one_hots = [F.one_hot(i, n) for i, n in zip(sample.gt_label, self.classes)]
            sample.set_gt_label(torch.cat(one_hots))
        return super().__call__(imgs, batch_data_samples, **kwargs)
