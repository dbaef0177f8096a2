"""MMAction2's accuracy, extended to test sets with broken videos."""
from typing import Dict, Sequence

from torch import Tensor

from mmaction.evaluation import AccMetric
from mmaction.registry import METRICS

from ..utils import InputError


def check_scores(score: Tensor) -> None:
    """Raises an InputError unless ``score`` has one value per class."""
    if score.ndim != 1:
        raise InputError(f'the scores of a sample have shape {tuple(score.shape)} instead of (classes, ), '
                         "as its views are not averaged; set model.cls_head.average_clips='prob'")


@METRICS.register_module()
class AccuracyMetric(AccMetric):
    """``AccMetric`` in percent. Samples marked ``broken`` count as wrong; ``acc/broken`` is their number.

    Args:
        kwargs: See MMAction2's ``AccMetric``.

    Raises:
        InputError: If the scores of a sample are not averaged over its views.
    """

    def process(self, data_batch, data_samples: Sequence[Dict]) -> None:
        """Stores scores and labels; the right class of a broken sample gets the lowest score."""
        for sample in data_samples:
            check_scores(sample['pred_score'])
            if sample.get('broken'):
                score = sample['pred_score'].clone()
                score[sample['gt_label']] = -1
                sample = {**sample, 'pred_score': score}
            super().process(data_batch, [sample])
            self.results[-1]['broken'] = bool(sample.get('broken'))

    def compute_metrics(self, results) -> Dict:
        """Computes accuracies in percent, and the number of broken samples, if any."""
        broken = sum(r['broken'] for r in results)
        metrics = {name: 100 * value for name, value in super().compute_metrics(results).items()}
        return {**metrics, 'broken': float(broken)} if broken else metrics
