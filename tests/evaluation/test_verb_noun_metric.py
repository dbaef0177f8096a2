import numpy as np
import pytest
import torch

from projects.cast.evaluation import VerbNounMetric
from projects.cast.evaluation.verb_noun_metric import rank


def sample(verb, noun, label):
    scores = dict(verb=torch.tensor(verb), noun=torch.tensor(noun))
    return dict(pred_score=scores, gt_label=torch.tensor(label))


def test_by_hand():
    metric = VerbNounMetric(topk=(1, 2))
    metric.process(None, [
        sample([.6, .4, 0.], [.5, .3, .2], [0, 0]),  # all right
        sample([.6, .4, 0.], [.5, .3, .2], [1, 0]),  # verb second; pairs .30 (0,0), .20 (1,0): second
        sample([.6, .4, 0.], [.5, .3, .2], [0, 2]),  # noun third
        sample([.6, .4, 0.], [.5, .3, .2], [1, 1]),  # both second; .30 .20 .18 .12 .12: fourth or later
    ])
    result = metric.evaluate(4)
    expected = dict(verb_top1=50, verb_top2=100, noun_top1=50, noun_top2=75, action_top1=25, action_top2=50)
    assert result == {f'acc/{k}': pytest.approx(v) for k, v in expected.items()}


def test_constant_scores_are_at_chance():
    assert [rank(np.zeros(4), i) for i in range(4)] == [0, 1, 2, 3]


def test_bad_scores_and_labels():
    with pytest.raises(ValueError, match='not finite'):
        VerbNounMetric().process(None, [sample([float('nan'), 1.], [1., 0.], [0, 0])])
    with pytest.raises(ValueError, match='DumpResults'):
        VerbNounMetric().process(None, [sample([0., 1.], [1., 0.], [-1, -1])])
