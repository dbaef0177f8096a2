"""Turns the batch of a data loader into the inputs of a backbone with several modalities."""
from typing import Dict, Optional

import torch
import torch.nn.functional as F

from mmaction.models.data_preprocessors import MultiModalDataPreprocessor
from mmaction.registry import MODELS
from mmaction.utils import ConfigType

from ..utils import InputError
from .blending import ReverseMixup
from .inputs import MASK


@MODELS.register_module()
class CASTDataPreprocessor(MultiModalDataPreprocessor):
    """``MultiModalDataPreprocessor`` that also handles side inputs, missing modalities and mixup.

    The pipeline collects the inputs with ``PackActionInputs(collect_keys=('imgs', 'spectrogram', ...))``. A
    key without a preprocessor is a side input, which is stacked as it is. A sample that lacks a modality has
    an empty tensor for it, which is replaced by zeros; ``<modality>_mask`` tells the backbone about it.

    Args:
        preprocessors: Config of a preprocessor, such as ``ActionDataPreprocessor``, for each modality.
        blending: Config of a batch augmentation that mixes all modalities by the same lambda: a
            ``ReverseMixup``, either alone or inside ``RandomBatchAugment`` or ``MultiTaskBatchAugment``. Side
            inputs are not mixed.

    Raises:
        InputError: If ``blending`` contains an augmentation that supports only a single modality.
    """

    def __init__(self, preprocessors: Dict[str, ConfigType], blending: Optional[ConfigType] = None) -> None:
        super().__init__(preprocessors)
        self.blending = MODELS.build(blending) if blending else None
        for augment in getattr(self.blending, 'augments', [self.blending]):
            if not isinstance(augment, (ReverseMixup, type(None))):
                raise InputError(f'{type(augment).__name__} cannot blend several modalities; use '
                                 'ReverseMixup')

    def forward(self, data: dict, training: bool = False) -> dict:
        """Stacks, normalises and blends a batch.

        Args:
            data: A dict with ``inputs``, a dict of lists of tensors ``(views, ...)``, and ``data_samples``.
            training: Whether to apply blending.

        Returns:
            The same dict, whose ``inputs`` is now a dict of tensors ``(B, views, ...)`` and masks ``(B, )``.
        """
        data = self.cast_data(data)
        batch, samples = {}, data['data_samples']
        for name, values in data['inputs'].items():
            present = torch.tensor([value.numel() > 0 for value in values], device=values[0].device)
            if not present.all():
                batch[name + MASK] = present
            if not present.any():
                continue
            like = values[int(present.int().argmax())]
            values = [value if value.numel() else torch.zeros_like(like) for value in values]
            if name in self.preprocessors:
                batch[name], samples = self.preprocessors[name].preprocess(values, samples, training)
                batch[name][~present] = 0  # also zero if the mean of the data is not zero
            else:
                batch[name] = torch.stack(values)
        if training and self.blending:
            mixed = {k: v for k, v in batch.items() if k.removesuffix(MASK) in self.preprocessors}
            for sample in samples:
                if isinstance(sample.gt_label, torch.Tensor) and len(sample.gt_label) == 1:
                    sample.set_gt_label(F.one_hot(sample.gt_label[0], self.blending.num_classes))
            before = mixed
            mixed, samples = self.blending(mixed, samples)
            if mixed is not before:  # a mixture of two samples has the side inputs that either of them has
                for name in [k for k in batch if k + MASK in batch and k not in self.preprocessors]:
                    present = batch[name + MASK]
                    batch[name] = torch.where(
                        present.view(-1, *[1] * (batch[name].dim() - 1)), batch[name], batch[name].flip(0))
                    batch[name + MASK] = present | present.flip(0)
            batch.update(mixed)
        return {**data, 'inputs': batch, 'data_samples': samples}
