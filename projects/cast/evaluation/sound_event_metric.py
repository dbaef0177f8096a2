"""The measures of EPIC-SOUNDS: accuracy, and how well each class is separated from the others."""
from typing import Dict, List, Sequence

import numpy as np
from mmengine.logging import print_log
from scipy.stats import rankdata

from mmaction.evaluation import mean_average_precision
from mmaction.registry import METRICS

from ..utils import InputError
from .accuracy_metric import AccuracyMetric


@METRICS.register_module()
class SoundEventMetric(AccuracyMetric):
    """Top-1, top-5 and mean class accuracy, mAP and mAUC, in percent.

    mAP and mAUC are means over the classes that have samples; each class is compared with all others. They
    are equal to scikit-learn's ``average_precision_score`` and ``roc_auc_score`` with these classes and
    ``average='macro'``. The mean class accuracy (mCA) is over the same classes. mAUC is left out if only one
    class has samples.

    Samples marked ``broken`` count as wrong, and their class scores lower than in any other sample;
    ``acc/broken`` is their number. Without labels there is no result.

    Args:
        kwargs: See :class:`AccuracyMetric`.

    Raises:
        InputError: If the scores of a sample are not averaged over its views, or not finite.
    """

    default_prefix = 'acc'

    def __init__(self, metric_list=('top_k_accuracy', 'mean_class_accuracy'), **kwargs) -> None:
        super().__init__(metric_list=metric_list, **kwargs)

    def compute_metrics(self, results: List[dict]) -> Dict[str, float]:
        """Computes all measures."""
        labels = np.array([int(result['label']) for result in results])
        if unlabelled := int((labels < 0).sum()):
            print_log(f'{unlabelled} of {len(results)} samples have no label, so there is no accuracy; '
                      '--dump keeps their scores for epic_sounds_submission.py', logger='current')
            return {}
        scores = np.stack([np.asarray(result['pred'], dtype=float) for result in results])
        if not np.isfinite(scores).all():
            raise InputError('the scores are not finite; the model has diverged, or its checkpoint is broken')
        present = np.unique(labels)
        hit = labels == scores.argmax(1)
        metrics = super().compute_metrics(results)
        if 'mean1' in metrics:  # the host also counts classes that are predicted, but have no samples
            metrics['mean1'] = 100 * float(np.mean([hit[labels == label].mean() for label in present]))
        targets = labels[:, None] == present
        metrics['mAP'] = 100 * float(mean_average_precision(scores[:, present], targets))
        if len(present) > 1:
            metrics['mAUC'] = 100 * float(np.mean(area(scores[:, present], targets)))
        return metrics


def area(scores: np.ndarray, targets: Sequence[Sequence[bool]]) -> np.ndarray:
    """Returns the area under the ROC curve of each class, from the ranks of its samples (Mann-Whitney U).

    Args:
        scores: Scores ``(N, classes)``.
        targets: Which samples belong to a class, ``(N, classes)``; some must, and some must not.
    """
    positive = np.asarray(targets)
    count = positive.sum(0)
    ranks = (rankdata(scores, axis=0) * positive).sum(0)  # samples of equal scores share their mean rank
    return (ranks - count * (count + 1) / 2) / (count * (len(scores) - count))
