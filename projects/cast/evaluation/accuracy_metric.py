"""MMAction2's accuracy, extended to test sets with broken videos."""
from typing import Dict, Sequence

import torch
from torch import Tensor

from mmaction.evaluation import AccMetric
from mmaction.registry import METRICS

from ..utils import InputError

NOTES = ('broken', 'no_sound', 'damaged_sound')  # what data sets and transforms say about a sample


def notes_of(sample: Dict) -> Dict[str, bool]:
    """Returns which of :data:`NOTES` apply to a sample."""
    return {note: bool(sample.get(note)) for note in NOTES}


def count_notes(results: Sequence[Dict]) -> Dict[str, float]:
    """Returns to how many samples each of :data:`NOTES` applies, if to any."""
    counts = {note: float(sum(result[note] for result in results)) for note in NOTES}
    return {note: count for note, count in counts.items() if count}


def check_scores(score: Tensor) -> None:
    """Raises an InputError unless ``score`` has one value per class."""
    if score.ndim != 1:
        raise InputError(f'the scores of a sample have shape {tuple(score.shape)} instead of (classes, ), '
                         "as its views are not averaged; set model.cls_head.average_clips='prob'")


@METRICS.register_module()
class AccuracyMetric(AccMetric):
    """``AccMetric`` in percent. Samples marked ``broken`` count as wrong.

    For clips with any number of labels, set ``metric_list='mean_average_precision'``.

    ``acc/broken`` is their number, ``acc/no_sound`` that of samples that a model heard without sound, and
    ``acc/damaged_sound`` that of samples whose sound could not be decoded as a whole.

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
                score, label = sample['pred_score'].clone(), sample['gt_label']
                right = label.bool() if label.shape == score.shape else label  # of several, or of one
                score[right] = torch.finfo(score.dtype).min
                sample = {**sample, 'pred_score': score}
            super().process(data_batch, [sample])
            self.results[-1].update(notes_of(sample))

    def compute_metrics(self, results) -> Dict:
        """Computes accuracies in percent, and the numbers of broken samples and of those without sound."""
        metrics = {name: 100 * value for name, value in super().compute_metrics(results).items()}
        return {**metrics, **count_notes(results)}
