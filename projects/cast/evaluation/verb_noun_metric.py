"""Verb, noun and action accuracy."""
from typing import Dict, List, Sequence, Tuple

import numpy as np
from mmengine.evaluator import BaseMetric

from mmaction.registry import METRICS


@METRICS.register_module()
class VerbNounMetric(BaseMetric):
    """Top-k accuracy of verbs, nouns and actions.

    An action's score is p(verb) * p(noun), ranked over all pairs, and it is right only if both are
    (https://arxiv.org/abs/2006.13256). Results are in percent: ``acc/action_top1`` and so on.

    Args:
        topk: values of k.
        kwargs: see mmengine's ``BaseMetric``.
    """

    default_prefix = 'acc'

    def __init__(self, topk: Tuple[int, ...] = (1, 5), **kwargs) -> None:
        super().__init__(**kwargs)
        self.topk = tuple(topk)

    def process(self, data_batch, data_samples: Sequence[dict]) -> None:
        """Keeps the rank of the right verb, noun and action of each sample.

        Args:
            data_batch: unused.
            data_samples: with ``pred_score``, a dict of probabilities by task, and ``gt_label``, one
                class index per task in the same order.

        Raises:
            ValueError: for scores that are not numbers, and samples without labels.
        """
        for sample in data_samples:
            scores = {task: s.detach().cpu().double().numpy()
                      for task, s in sample['pred_score'].items()}
            label = [int(i) for i in sample['gt_label']]
            if any(not np.isfinite(s).all() for s in scores.values()):
                raise ValueError(f'scores of {sample.get("narration_id", "a sample")} are not finite; '
                                 'the model has diverged, or its checkpoint is broken')
            if len(label) != len(scores) or min(label) < 0:
                raise ValueError(f'a sample has labels {label} for the tasks {list(scores)}; to predict '
                                 'without labels take DumpResults as test_evaluator')
            (verb, noun), (v, n) = scores.values(), label
            ranks = dict(zip(scores, (rank(verb, v), rank(noun, n))))
            ranks['action'] = rank(np.outer(verb, noun).ravel(), v * len(noun) + n)
            self.results.append(ranks)

    def compute_metrics(self, results: List[dict]) -> Dict[str, float]:
        """Shares of samples whose rank is below k, in percent."""
        return {f'{task}_top{k}': 100 * float(np.mean([r[task] < k for r in results]))
                for task in results[0] for k in self.topk}


def rank(scores: np.ndarray, label: int) -> int:
    """How many classes come before the right one; among equals the lower index comes first."""
    better = scores > scores[label]
    return int(better.sum() + (scores[:label] == scores[label]).sum())
