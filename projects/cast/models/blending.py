"""Mixup as the release does it, and batch augmentation of the labels of several tasks."""
from typing import Dict, Tuple, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from mmaction.models.utils.blending_utils import CutmixBlending, MixupBlending, RandomBatchAugment
from mmaction.registry import MODELS
from mmaction.utils import SampleList

from ..utils import InputError, labels_by_task

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
        if isinstance(imgs, dict):
            return {name: mix(x, lam) for name, x in imgs.items()}, mix(label, lam)
        return mix(imgs, lam), mix(label, lam)


def mix(x: Tensor, lam: Tensor) -> Tensor:
    """Mixes a batch ``(B, ...)`` with its reverse; of masks, it is the union."""
    return x | x.flip(0) if x.dtype == torch.bool else lam * x + (1 - lam) * x.flip(0)


@MODELS.register_module()
class SpectrogramCutMix(ReverseMixup):
    """:class:`ReverseMixup` that cuts a box out of the spectrograms instead of mixing them.

    The box (https://arxiv.org/abs/1905.04899) is filled from the other sample. As in CA2ST's program, its
    share is that of the labels, while the other modalities are mixed by the lambda that was drawn. The two
    differ where a box reaches over a border.

    Args:
        key: Name of the modality in which a box is cut.
        kwargs: See :class:`ReverseMixup`.

    Raises:
        InputError: If there is no such modality.
    """

    def __init__(self, key: str = 'audio', **kwargs) -> None:
        super().__init__(**kwargs)
        self.key = key

    def do_blending(self, imgs: Images, label: Tensor, **kwargs) -> Tuple[Images, Tensor]:
        """Mixes a dict of modalities ``(B, ...)``, and one-hot ``label`` ``(B, classes)``."""
        if not isinstance(imgs, dict) or self.key not in imgs:
            raise InputError(f'SpectrogramCutMix needs the modality {self.key!r}; choose ReverseMixup')
        lam, spectrograms = self.beta.sample(), imgs[self.key]
        left, top, right, bottom = map(int, CutmixBlending.rand_bbox(spectrograms.shape, lam))
        cut = spectrograms.clone()
        cut[..., top:bottom, left:right] = spectrograms.flip(0)[..., top:bottom, left:right]
        share = (bottom - top) * (right - left) / (cut.shape[-1] * cut.shape[-2])
        mixed = {name: cut if name == self.key else mix(x, lam) for name, x in imgs.items()}
        return mixed, mix(label, torch.tensor(1 - share))


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
