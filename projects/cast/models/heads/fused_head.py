"""A head that predicts one label from the features of one or more experts."""
from typing import Collection, Optional, Sequence

from mmengine.model.weight_init import trunc_normal_init
from torch import Tensor, nn

from mmaction.models.heads import BaseHead
from mmaction.registry import MODELS
from mmaction.utils import SampleList

from .adapted_sum import AdaptedSum, Features, Widths


def full_precision(scores: Tensor) -> Tensor:
    """Converts scores to at least float32, as the loss, top-k and the softmax need them."""
    return scores.float() if scores.dtype.itemsize < 4 else scores


class OneLabelHead(BaseHead):
    """MMAction2's ``BaseHead`` for classifiers in any precision, with accuracies in percent.

    With ``multi_class``, a clip has any number of labels: probabilities are those of each class by itself.
    The loss is then ``loss_cls=dict(type='BCELossWithLogits')``.
    """

    def loss_by_feat(self, cls_scores: Tensor, data_samples: SampleList) -> dict:
        """Computes the losses as MMAction2 does, with accuracies in percent."""
        losses = super().loss_by_feat(full_precision(cls_scores), data_samples)
        return {name: 100 * value if name.endswith('_acc') else value for name, value in losses.items()}

    def average_clip(self, cls_scores: Tensor, num_segs: int = 1) -> Tensor:
        """Averages over the views of a sample as MMAction2 does, and for several labels their sigmoids."""
        if self.multi_class and self.average_clips == 'prob':
            return cls_scores.sigmoid().view(-1, num_segs, *cls_scores.shape[1:]).mean(1)
        return super().average_clip(cls_scores, num_segs)

    def predict_by_feat(self, cls_scores: Tensor, data_samples: SampleList) -> SampleList:
        """Predicts as MMAction2 does, in full precision."""
        return super().predict_by_feat(full_precision(cls_scores), data_samples)


@MODELS.register_module()
class FusedHead(OneLabelHead):
    """``Z = ADAP(CLS) + ADAP(GAP)`` (eq. 6) and one linear layer, for any number of experts.

    Args:
        num_classes: Number of classes.
        in_channels: Width D of the features, or a dict of widths by expert.
        experts: Names of the experts whose features are fused.
        adapters, skip, quick_gelu: See :class:`AdaptedSum`.
        average_clips: What is averaged over the views of a sample: ``prob``, ``score`` or None.
        kwargs: See MMAction2's ``BaseHead``.
    """

    def __init__(self,
                 num_classes: int,
                 in_channels: Widths,
                 experts: Sequence[str] = ('spatial', 'temporal'),
                 adapters: bool = True,
                 skip: bool = False,
                 quick_gelu: Collection[str] = (),
                 average_clips: Optional[str] = 'prob',
                 **kwargs) -> None:
        super().__init__(num_classes, in_channels, average_clips=average_clips, **kwargs)
        self.adapters = AdaptedSum(experts, in_channels, adapters, skip, quick_gelu)
        self.fc_cls = nn.Linear(self.adapters.dims, num_classes)

    def init_weights(self) -> None:
        trunc_normal_init(self.fc_cls, std=0.02)

    def forward(self, x: Features, **kwargs) -> Tensor:
        """Maps features ``(B, D)`` by expert to logits ``(B, num_classes)``."""
        return self.fc_cls(self.adapters(x, self.fc_cls.weight.dtype))
