"""Mixup as the release does it, and batch augmentation of the labels of several tasks."""
from typing import Dict, Tuple, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from mmaction.models.utils.blending_utils import MixupBlending, RandomBatchAugment
from mmaction.registry import MODELS
from mmaction.utils import SampleList

from ..utils import labels_by_task

Images = TypeVar('Images', Tensor, Dict[str, Tensor])


@MODELS.register_module()
class ReverseMixup(MixupBlending):
    """Mixup (https://arxiv.org/abs/1710.09412) of a batch with its own reverse, with one lambda per batch.

    MMAction2's ``MixupBlending`` mixes with a random permutation instead.

    Args:
        alpha: Lambda is drawn from Beta(alpha, alpha).
        num_classes: Number of classes. It is not needed inside :class:`MultiTaskBatchAugment`.
    """

    def __init__(self, alpha: float = 0.8, num_classes: int = 0) -> None:
        super().__init__(num_classes, alpha)

    def do_blending(self, imgs: Images, label: Tensor, **kwargs) -> Tuple[Images, Tensor]:
        """Mixes ``imgs`` ``(B, ...)``, or each modality of a dict, and one-hot ``label`` ``(B, classes)``.

        The mixture of two samples has a modality if at least one of them has it.
        """
        lam = self.beta.sample()

        def mix(x: Tensor) -> Tensor:
            return x | x.flip(0) if x.dtype == torch.bool else lam * x + (1 - lam) * x.flip(0)

        if isinstance(imgs, dict):
            return {name: mix(x) for name, x in imgs.items()}, mix(label)
        return mix(imgs), mix(label)


@MODELS.register_module(name=['MultiTaskBatchAugment', 'VerbNounBatchAugment'])
class MultiTaskBatchAugment(RandomBatchAugment):
    """``RandomBatchAugment`` for samples with one label per task; all tasks are mixed by the same lambda.

    ``gt_label`` becomes a dict that holds a distribution over classes for each task.

    Args:
        augments, probs: see MMAction2's ``RandomBatchAugment``.
        num_classes: Number of classes of each task.
    """

    def __init__(self, augments, probs=None, num_classes: Dict[str, int] = dict(verb=97, noun=300)) -> None:
        super().__init__(augments, probs)
        self.classes = dict(num_classes)

    def __call__(self, imgs: Images, batch_data_samples: SampleList, **kwargs) -> Tuple[Images, SampleList]:
        """Mixes a batch. The parent class sees the concatenated labels of all tasks as a single label."""
        device = (next(iter(imgs.values())) if isinstance(imgs, dict) else imgs).device
        for sample in batch_data_samples:
            labels = labels_by_task(sample.gt_label, list(self.classes))
            one_hots = [F.one_hot(labels[task].to(device), n) for task, n in self.classes.items()]
            sample.set_gt_label(torch.cat(one_hots))
        imgs, samples = super().__call__(imgs, batch_data_samples, **kwargs)
        for sample in samples:
            parts = sample.gt_label.split(list(self.classes.values()))
            sample.set_field(dict(zip(self.classes, parts)), 'gt_label')
        return imgs, samples
