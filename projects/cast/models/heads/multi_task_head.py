"""Heads that predict several labels, such as verb and noun, from the features of one or more experts."""
from typing import Dict, Optional, Sequence, Union

import torch
import torch.nn.functional as F
from mmengine.model.weight_init import trunc_normal_init
from torch import Tensor, nn

from mmaction.evaluation import top_k_accuracy
from mmaction.models.heads import BaseHead
from mmaction.registry import MODELS
from mmaction.utils import SampleList

from ...utils import InputError, in_order, labels_by_task
from .adapted_sum import Features, Widths, pick, width
from .fused_head import full_precision


@MODELS.register_module(name=['MultiTaskHead', 'VerbNounHead'])
class MultiTaskHead(BaseHead):
    """One linear layer per task, on the feature of one or several experts. The losses are added.

    Args:
        num_classes: Number of classes of each task.
        in_channels: Width D of the features, or a dict of widths by expert.
        experts: Expert whose feature each task reads: verbs use the temporal expert, nouns the spatial one.
            Several experts are fused first.
        fusion: How several experts are fused: ``add`` or ``concat`` (late fusion, table 1 (b)).
        average_clips: What is averaged over the views of a sample: ``prob``, ``score`` or None.
        hidden_channels: Width of a hidden layer with GELU in front of each linear layer, for a late fusion
            that is not additive; 0 for none, as in the paper.
        loss_cls: The loss of all tasks, or a dict of losses by task.
        kwargs: See MMAction2's ``BaseHead``.
    """

    def __init__(self,
                 num_classes: Dict[str, int] = dict(verb=97, noun=300),
                 in_channels: Widths = 768,
                 experts: Dict[str, Union[str, Sequence[str]]] = dict(verb='temporal', noun='spatial'),
                 fusion: str = 'add',
                 average_clips: Optional[str] = 'prob',
                 hidden_channels: int = 0,
                 loss_cls: dict = dict(type='CrossEntropyLoss'),
                 **kwargs) -> None:
        losses = dict.fromkeys(num_classes, loss_cls) if 'type' in loss_cls else loss_cls
        if set(losses) != set(num_classes):
            raise InputError(f'loss_cls has the tasks {sorted(losses)}, num_classes {sorted(num_classes)}; '
                             'name the same tasks in both')
        super().__init__(num_classes, in_channels, average_clips=average_clips, **kwargs)
        self.loss_cls = nn.ModuleDict({task: MODELS.build(loss) for task, loss in losses.items()})
        if fusion not in ('add', 'concat'):
            raise InputError(f"unknown fusion {fusion!r}; choose 'add' or 'concat'")
        if set(experts) != set(num_classes):
            raise InputError(f'the head has experts for the tasks {sorted(experts)}, but num_classes for '
                             f'{sorted(num_classes)}; name the same tasks in both')
        self.fusion = fusion
        self.experts = {task: (e, ) if isinstance(e, str) else tuple(e) for task, e in experts.items()}
        self.fc_cls = nn.ModuleDict({
            task: self.classifier(self.fused_width(task), hidden_channels, num_classes[task])
            for task in in_order(num_classes)})

    @staticmethod
    def classifier(width: int, hidden: int, classes: int) -> nn.Module:
        """Builds the classifier of a task."""
        if not hidden:
            return nn.Linear(width, classes)
        return nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, classes))

    def init_weights(self) -> None:
        for fc in self.fc_cls.values():
            trunc_normal_init(fc[-1] if isinstance(fc, nn.Sequential) else fc, std=0.02)

    def fused_width(self, task: str) -> int:
        """Returns the width of what :meth:`fuse` gives for a task."""
        widths = [width(self.in_channels, e) for e in self.experts[task]]
        if self.fusion == 'add' and len(set(widths)) > 1:
            raise InputError(f"features of widths {self.in_channels} cannot be added; choose fusion='concat'")
        return sum(widths) if self.fusion == 'concat' else widths[0]

    def fuse(self, x: Features) -> Dict[str, Tensor]:
        """Fuses the features ``(B, D)`` of each task's experts."""
        features = {task: [pick(x, e, self.in_channels) for e in names]
                    for task, names in self.experts.items()}
        return {task: torch.cat(f, -1) if self.fusion == 'concat' else torch.stack(f).sum(0)
                for task, f in features.items()}

    def forward(self, x: Features, **kwargs) -> Dict[str, Tensor]:
        """Maps features ``(B, D)`` by expert to logits ``(B, classes)`` by task."""
        fused, dtype = self.fuse(x), next(self.parameters()).dtype
        return {task: fc(fused[task].to(dtype)) for task, fc in self.fc_cls.items()}

    def loss_by_feat(self, cls_scores: Dict[str, Tensor], data_samples: SampleList) -> dict:
        """Computes the cross entropy of each task, and, unless labels are mixed, top-k accuracy in percent.

        Args:
            cls_scores: Logits ``(B, classes)`` of each task.
            data_samples: Their ``gt_label`` has a class index or, once mixed, a distribution per task.
        """
        labels = [labels_by_task(sample.gt_label, list(cls_scores)) for sample in data_samples]
        losses = {}
        for task, scores in cls_scores.items():
            scores = full_precision(scores)
            label = torch.stack([one[task] for one in labels]).to(scores.device)
            mixed = label.dim() > 1
            target = label if mixed else F.one_hot(label, scores.shape[1])
            smooth = (1 - self.label_smooth_eps) * target + self.label_smooth_eps / scores.shape[1]
            losses[f'loss_{task}'] = self.loss_cls[task](scores, smooth)
            if not mixed:
                accuracy = top_k_accuracy(scores.detach().cpu().numpy(), label.cpu().numpy(), self.topk)
                for k, value in zip(self.topk, accuracy):
                    losses[f'{task}_top{k}'] = scores.new_tensor(100 * value)
        return losses

    def predict_by_feat(self, cls_scores: Dict[str, Tensor], data_samples: SampleList) -> SampleList:
        """Averages the scores over the views of each sample, and returns them as a dict by task."""
        views = len(next(iter(cls_scores.values()))) // len(data_samples)
        scores = {task: self.average_clip(full_precision(s), num_segs=views)
                  for task, s in cls_scores.items()}
        for i, sample in enumerate(data_samples):
            score = {task: s[i] for task, s in scores.items()}
            sample.set_pred_score(score)
            sample.set_field({task: int(s.argmax()) for task, s in score.items()}, 'pred_label')
        return data_samples


@MODELS.register_module(name=['EnsembleHead', 'EnsembleVerbNounHead'])
class EnsembleHead(MultiTaskHead):
    """Every expert predicts every task by itself; at test time, probabilities are averaged (table 1 (a)).

    The paper does not say what its ensemble averages. Without exchanges, the experts stay independent: the
    loss of a task is the sum of their losses.

    Args:
        num_classes: Number of classes of each task.
        in_channels: Width D of the features, or a dict of widths by expert.
        experts: Names of the experts.
        average_clips: See :class:`MultiTaskHead`.
        kwargs: See MMAction2's ``BaseHead``.
    """

    def __init__(self,
                 num_classes: Dict[str, int] = dict(verb=97, noun=300),
                 in_channels: Widths = 768,
                 experts: Sequence[str] = ('spatial', 'temporal'),
                 average_clips: Optional[str] = 'prob',
                 **kwargs) -> None:
        BaseHead.__init__(self, num_classes, in_channels, average_clips=average_clips, **kwargs)
        self.members = nn.ModuleDict({
            e: MultiTaskHead(num_classes, in_channels, dict.fromkeys(num_classes, e), **kwargs)
            for e in experts})

    def init_weights(self) -> None:
        for member in self.members.values():
            member.init_weights()  # type: ignore[operator]

    def forward(self, x: Features, **kwargs) -> Dict[str, Tensor]:
        """Maps features ``(B, D)`` by expert to log-probabilities ``(B, classes)`` by task."""
        scores = [member(x) for member in self.members.values()]
        return {task: torch.stack([s[task].softmax(-1) for s in scores]).mean(0).log() for task in scores[0]}

    def loss(self, feats: Features, data_samples: SampleList, **kwargs) -> dict:
        """Computes the losses and accuracies of each expert, under its name."""
        return {f'{expert}_{key}': value for expert, member in self.members.items()
                for key, value in member.loss(feats, data_samples).items()}  # type: ignore[operator]
