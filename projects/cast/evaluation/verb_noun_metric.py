"""Verb, noun and action accuracy as defined by the EPIC-KITCHENS-100 action recognition challenge."""
import csv
import functools
import math
from typing import Dict, List, Optional, Sequence, Set, Tuple

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmaction.registry import METRICS

from ..utils import InputError, MissingFileError, labels_by_task
from .accuracy_metric import check_scores, count_notes, notes_of

MOST_ACTIONS = 10**7  # combinations of labels that are ranked for each sample


@METRICS.register_module()
class VerbNounMetric(BaseMetric):
    """Top-k accuracy of verbs, nouns and actions, on all segments and on the challenge's two subsets.

    The score of an action is p(verb) * p(noun), ranked over all pairs, and it is right only if both are
    (https://arxiv.org/abs/2006.13256, section 4.1). The tasks are those of the head, of any number and name;
    an action is right only if all of its labels are. Actions are left out if there are more than ten million
    combinations, or if a task has that name. Results are in percent: ``acc/action_top1`` and so on.
    Top-1 is also given as ``acc/unseen_action_top1`` for participants who are not in the training set, and as
    ``acc/tail_action_top1`` for rare classes: tail verbs, tail nouns, and actions with either of them.

    Samples marked ``broken`` are wrong. They are counted as by :class:`AccuracyMetric`. Without labels there
    is no result.

    Args:
        topk: Values of k.
        unseen_participants, tail_verbs, tail_nouns: The official ``EPIC_100_unseen_participant_ids_*.csv``
            and ``EPIC_100_tail_{verbs,nouns}.csv``. None leaves a subset out.
        kwargs: See mmengine's ``BaseMetric``.

    Raises:
        MissingFileError: If one of the files is missing.
    """

    default_prefix = 'acc'

    def __init__(self,
                 topk: Tuple[int, ...] = (1, 5),
                 unseen_participants: Optional[str] = None,
                 tail_verbs: Optional[str] = None,
                 tail_nouns: Optional[str] = None,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        self.topk = tuple(topk)
        self.unseen = read_column(unseen_participants)
        self.tail = {task: {int(i) for i in read_column(path)}
                     for task, path in (('verb', tail_verbs), ('noun', tail_nouns))}

    def process(self, data_batch, data_samples: Sequence[dict]) -> None:
        """Stores the rank of the right verb, noun and action of each sample, and its subsets.

        Args:
            data_batch: Unused.
            data_samples: Samples with ``pred_score``, a dict of probabilities by task, ``gt_label``, a dict
                of class indices by task, and, for subsets, ``narration_id``.

        Raises:
            InputError: If scores are not numbers, or the labels are for other tasks than the scores.
        """
        for sample in data_samples:
            for score in sample['pred_score'].values():
                check_scores(score)
            scores = {task: s.detach().cpu().double().numpy() for task, s in sample['pred_score'].items()}
            named = labels_by_task(sample['gt_label'], list(scores))
            label = [int(i) for i in named.values()]
            if any(not np.isfinite(s).all() for s in scores.values()):
                raise InputError(f'scores of {sample.get("narration_id", "a sample")} are not finite; '
                                 'the model has diverged, or its checkpoint is broken')
            labelled, shape = min(label) >= 0, [len(s) for s in scores.values()]
            ranks: Dict[str, float] = {task: rank(s, i) for (task, s), i in zip(scores.items(), label)}
            if 'action' not in ranks and math.prod(shape) <= MOST_ACTIONS:
                joint = functools.reduce(np.multiply.outer, scores.values()).ravel()
                ranks['action'] = rank(joint, int(np.ravel_multi_index(label, shape)) if labelled else 0)
            if sample.get('broken'):
                ranks = dict.fromkeys(ranks, math.inf)  # wrong for any k
            tail = {task: i in self.tail.get(task, ()) for task, i in zip(scores, label)}
            self.results.append(dict(
                ranks=ranks, labelled=labelled, tail={'action': any(tail.values()), **tail},
                unseen=str(sample.get('narration_id')).split('_')[0] in self.unseen, **notes_of(sample)))

    def compute_metrics(self, results: List[dict]) -> Dict[str, float]:
        """Computes the shares of samples whose rank is below k, in percent."""
        if not all(r['labelled'] for r in results):
            count = sum(not r['labelled'] for r in results)
            print_log(f'{count} of {len(results)} samples have no label, so there is no accuracy; --dump '
                      'keeps their scores for tools/analysis/epic_results.py', logger='current')
            return {}
        metrics = {}
        for task in results[0]['ranks']:
            for k in self.topk:
                metrics[f'{task}_top{k}'] = share(r['ranks'][task] < k for r in results)
            for subset, members in (('unseen', [r for r in results if r['unseen']]),
                                    ('tail', [r for r in results if r['tail'][task]])):
                if members:
                    metrics[f'{subset}_{task}_top1'] = share(r['ranks'][task] < 1 for r in members)
        return {**metrics, **count_notes(results)}


def share(right) -> float:
    """Returns the share of true values, in percent."""
    return 100 * float(np.mean(list(right)))


def rank(scores: np.ndarray, label: int) -> int:
    """Returns how many classes precede the right one; among equal scores, lower indices come first."""
    better = scores > scores[label]
    return int(better.sum() + (scores[:label] == scores[label]).sum())


def read_column(path: Optional[str]) -> Set[str]:
    """Reads the entries of a CSV file with one column and a header."""
    if path is None:
        return set()
    try:
        with open(path, newline='', encoding='utf-8-sig') as file:  # Excel writes a byte order mark
            return {row[0] for row in list(csv.reader(file))[1:] if row}
    except FileNotFoundError as error:
        raise MissingFileError(f'{path}: not there; it is in EPIC-KITCHENS-100\'s annotations '
                                '(data/README.md), or set it to None in val_evaluator') from error
