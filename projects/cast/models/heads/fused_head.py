"""A head that predicts one label from the features of one or more experts."""
from typing import Dict, Optional, Sequence, Union

from mmengine.model.weight_init import trunc_normal_init
from torch import Tensor, nn

from mmaction.models.heads import BaseHead
from mmaction.registry import MODELS
from mmaction.utils import SampleList

from ...utils import InputError
from ..layers import Adapter

Widths = Union[int, Dict[str, int]]
Features = Union[Tensor, Dict[str, Tensor]]


def full_precision(scores: Tensor) -> Tensor:
    """Converts scores to at least float32, as the loss, top-k and the softmax need them."""
    return scores.float() if scores.dtype.itemsize < 4 else scores


def pick(x: Features, expert: str, in_channels: Widths) -> Tensor:
    """Selects the feature of an expert; a single feature may come without a name.

    Raises:
        InputError: If there is no feature of that name, or if its width is not that of the head.
    """
    if isinstance(x, dict) and expert not in x:
        raise InputError(f'the head reads the feature of {expert!r}, but the backbone gives {list(x)}; set '
                         'the experts of the head')
    feature, dims = x[expert] if isinstance(x, dict) else x, width(in_channels, expert)
    if feature.shape[-1] != dims:
        raise InputError(f'cls_head.in_channels is {dims}, but the feature of {expert!r} has '
                         f'{feature.shape[-1]} channels; set in_channels to its width')
    return feature


def width(in_channels: Widths, expert: str) -> int:
    """Returns the width of an expert's feature; ``in_channels`` is one width for all, or one per name."""
    if isinstance(in_channels, int):
        return in_channels
    if expert not in in_channels:
        raise InputError(f'in_channels={dict(in_channels)} of the head has no width for {expert!r}')
    return in_channels[expert]


@MODELS.register_module()
class FusedHead(BaseHead):
    """``Z = ADAP(CLS) + ADAP(GAP)`` (eq. 6) and one linear layer, for any number of experts.

    Args:
        num_classes: Number of classes.
        in_channels: Width D of the features, or a dict of widths by expert.
        experts: Names of the experts whose features are fused.
        adapters: Whether to use adapters. Otherwise Z is the sum of the features, or a single one.
        average_clips: What is averaged over the views of a sample: ``prob``, ``score`` or None.
        kwargs: See MMAction2's ``BaseHead``.
    """

    def __init__(self,
                 num_classes: int,
                 in_channels: Widths,
                 experts: Sequence[str] = ('spatial', 'temporal'),
                 adapters: bool = True,
                 average_clips: Optional[str] = 'prob',
                 **kwargs) -> None:
        super().__init__(num_classes, in_channels, average_clips=average_clips, **kwargs)
        dims = width(in_channels, experts[0])
        if not adapters and any(width(in_channels, e) != dims for e in experts):
            raise InputError(f'features of widths {in_channels} cannot be added without adapters')
        self.adapters = nn.ModuleDict({
            name: Adapter(width(in_channels, name), out_dims=dims) if adapters else nn.Identity()
            for name in experts})
        self.fc_cls = nn.Linear(dims, num_classes)

    def init_weights(self) -> None:
        trunc_normal_init(self.fc_cls, std=0.02)

    def forward(self, x: Features, **kwargs) -> Tensor:
        """Maps features ``(B, D)`` by expert to logits ``(B, num_classes)``."""
        z = sum(adapter(pick(x, name, self.in_channels).to(self.fc_cls.weight))
                for name, adapter in self.adapters.items())
        return self.fc_cls(z)

    def loss_by_feat(self, cls_scores: Tensor, data_samples: SampleList) -> dict:
        """Computes the losses as MMAction2 does, with accuracies in percent."""
        losses = super().loss_by_feat(full_precision(cls_scores), data_samples)
        return {name: 100 * value if name.endswith('_acc') else value for name, value in losses.items()}

    def predict_by_feat(self, cls_scores: Tensor, data_samples: SampleList) -> SampleList:
        """Predicts as MMAction2 does, in full precision."""
        return super().predict_by_feat(full_precision(cls_scores), data_samples)
