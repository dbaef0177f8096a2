"""MMAction2's accuracy, for test sets with broken videos."""
from typing import Dict, Sequence

from mmaction.evaluation import AccMetric
from mmaction.registry import METRICS


@METRICS.register_module()
class AccuracyMetric(AccMetric):
    """``AccMetric`` that counts samples marked ``broken`` as wrong; ``acc/broken`` says how many.

    Args:
        kwargs: see MMAction2's ``AccMetric``.
    """

    def process(self, data_batch, data_samples: Sequence[Dict]) -> None:
        """Keeps scores and labels; a broken sample's right class gets the lowest score."""
        for sample in data_samples:
            if sample.get('broken'):
                score = sample['pred_score'].clone()
                score[sample['gt_label']] = -1
                sample = {**sample, 'pred_score': score}
            super().process(data_batch, [sample])
            self.results[-1]['broken'] = bool(sample.get('broken'))

    def compute_metrics(self, results) -> Dict:
        """Accuracies and the number of broken samples, if any."""
        broken = sum(r['broken'] for r in results)
        metrics = super().compute_metrics(results)
        return {**metrics, 'broken': float(broken)} if broken else metrics
