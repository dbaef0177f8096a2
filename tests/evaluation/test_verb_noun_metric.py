import numpy as np
import pytest
import torch

from projects.cast.evaluation import AccuracyMetric, VerbNounMetric
from projects.cast.evaluation.verb_noun_metric import rank
from projects.cast.utils import InputError


def sample(verb, noun, label, narration='P01_01_0', **more):
    scores = dict(verb=torch.tensor(verb), noun=torch.tensor(noun))
    return dict(pred_score=scores, gt_label=torch.tensor(label), narration_id=narration, **more)


SAMPLES = [
    sample([.6, .4, 0.], [.5, .3, .2], [0, 0]),  # all right
    sample([.6, .4, 0.], [.5, .3, .2], [1, 0]),  # verb second; pairs .30 (0,0), .20 (1,0): second
    sample([.6, .4, 0.], [.5, .3, .2], [0, 2], 'P18_02_5'),  # noun third
    sample([.6, .4, 0.], [.5, .3, .2], [1, 1]),  # both second; .30 .20 .18 .12 .12: fourth or later
]
OVERALL = dict(verb_top1=50, verb_top2=100, noun_top1=50, noun_top2=75, action_top1=25, action_top2=50)


def evaluate(metric, samples):
    metric.process(None, samples)
    return {k.removeprefix('acc/'): v for k, v in metric.evaluate(len(samples)).items()}


def test_by_hand():
    assert evaluate(VerbNounMetric(topk=(1, 2)), SAMPLES) == pytest.approx(OVERALL)


def test_unseen_participants_and_tail_classes(tmp_path):
    files = {}
    for key, column, values in (('unseen_participants', 'participant_id', ['P18', 'P32']),
                                ('tail_verbs', 'verb', [1]), ('tail_nouns', 'noun', [2])):
        files[key] = str(tmp_path / f'{key}.csv')
        (tmp_path / f'{key}.csv').write_text('\n'.join([column, *map(str, values)]) + '\n')
    subsets = dict(
        unseen_verb_top1=100, unseen_noun_top1=0, unseen_action_top1=0,  # the third
        tail_verb_top1=0,  # the second and the fourth
        tail_noun_top1=0,  # the third
        tail_action_top1=0)  # all but the first
    assert evaluate(VerbNounMetric(topk=(1, 2), **files), SAMPLES) == pytest.approx({**OVERALL, **subsets})
    third = sample([.6, .4, 0.], [.1, .3, .6], [0, 2], 'P32_01_1')  # right, and tail by its noun
    again = evaluate(VerbNounMetric(topk=(1, ), **files), [*SAMPLES, third])
    assert again['tail_noun_top1'] == 50 and again['tail_action_top1'] == 25 and again['tail_verb_top1'] == 0
    assert again['unseen_noun_top1'] == 50 and again['unseen_action_top1'] == 50
    with pytest.raises(FileNotFoundError, match='lost.csv: not there; it is in EPIC-KITCHENS-100'):
        VerbNounMetric(tail_verbs='lost.csv')


def test_broken_samples_are_wrong_and_counted():
    result = evaluate(VerbNounMetric(topk=(1, 2)), [SAMPLES[0], {**SAMPLES[0], 'broken': True}])
    assert result.pop('broken') == 1 and set(result.values()) == {50}


def test_a_broken_sample_is_wrong_even_if_all_classes_are_among_the_best():
    """Four pairs of two verbs and two nouns, and k=5; negative scores do not matter either."""
    for scores in ([.9, .1], [-1., -3.]):
        broken = sample(scores, scores, [0, 0], broken=True)
        result = evaluate(VerbNounMetric(), [broken, sample([.9, .1], [.9, .1], [0, 0])])
        assert result.pop('broken') == 1 and set(result.values()) == {50}


def test_without_labels_there_is_no_accuracy():
    assert evaluate(VerbNounMetric(), [sample([0., 1.], [1., 0.], [-1, -1])]) == {}


def test_constant_scores_are_at_chance():
    assert [rank(np.zeros(4), i) for i in range(4)] == [0, 1, 2, 3]


def test_bad_scores_and_labels():
    with pytest.raises(ValueError, match='not finite'):
        VerbNounMetric().process(None, [sample([float('nan'), 1.], [1., 0.], [0, 0])])
    with pytest.raises(ValueError, match='must have the same tasks'):
        VerbNounMetric().process(None, [sample([0., 1.], [1., 0.], [0])])


def test_minor17_any_number_of_tasks():
    scores = dict(verb=torch.tensor([.6, .4]), noun=torch.tensor([.3, .7]), tool=torch.tensor([.1, .2, .7]))
    labels = [0, 1, 2], [0, 1, 1], [1, 1, 2]
    samples = [dict(pred_score=scores, gt_label=torch.tensor(label)) for label in labels]
    expected = dict(verb_top1=200 / 3, noun_top1=100, tool_top1=200 / 3, action_top1=100 / 3,
                    verb_top2=100, noun_top2=100, tool_top2=100, action_top2=200 / 3)
    assert evaluate(VerbNounMetric(topk=(1, 2)), samples) == pytest.approx(expected)


def test_minor19_one_label_is_in_percent_too():
    samples = [dict(pred_score=torch.tensor(s), gt_label=torch.tensor([0])) for s in ([.9, .1], [.2, .8])]
    assert evaluate(AccuracyMetric(metric_list=('top_k_accuracy', 'mean_class_accuracy')), samples) == {
        'top1': 50, 'top5': 100, 'mean1': 25}  # the second class has no sample, which counts as 0


@pytest.mark.parametrize('metric, score, label', [
    (AccuracyMetric, torch.rand(6, 97), [1]), (VerbNounMetric, dict(verb=torch.rand(6, 97)), [1])])
def test_M11_scores_of_single_views_are_refused(metric, score, label):
    with pytest.raises(InputError, match=r"shape \(6, 97\) instead of \(classes, \), .*average_clips='prob'"):
        metric().process(None, [dict(pred_score=score, gt_label=torch.tensor(label))])


def test_a_task_called_action_and_many_combinations():
    right, wrong = torch.tensor([.9, .1]), torch.tensor([.1, .9])
    samples = [dict(pred_score=dict(action=right, scene=wrong), gt_label=dict(action=0, scene=0))]
    assert evaluate(VerbNounMetric(topk=(1, )), samples) == dict(action_top1=100, scene_top1=0)
    many = {f'task{i}': torch.eye(300)[7] for i in range(3)}
    samples = [dict(pred_score=many, gt_label=dict.fromkeys(many, 7))]
    assert evaluate(VerbNounMetric(topk=(1, )), samples) == {f'{task}_top1': 100 for task in many}
