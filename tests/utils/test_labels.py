"""Labels go by name, whatever order a config has its tasks in."""
import pytest
import torch
from conftest import MINI, RECIPE, mini_dict
from mmengine import Config

from mmaction.registry import DATASETS, MODELS
from mmaction.structures import ActionDataSample
from projects.cast.utils import InputError, in_order, labels_by_task


def test_order_is_that_of_released_checkpoints():
    assert in_order(dict(noun=2, verb=1)) == ['verb', 'noun']
    assert in_order(['tool', 'noun', 'place', 'verb']) == ['verb', 'noun', 'place', 'tool']


def test_names_and_the_order_of_labels_without_names():
    assert labels_by_task(dict(tool=2, verb=0), ['verb', 'tool']) == dict(verb=0, tool=2)
    assert labels_by_task(torch.tensor([1, 3]), ['noun', 'verb']) == dict(verb=1, noun=3)
    with pytest.raises(InputError, match=r"label \[1, 3\] without names .* \['verb', 'tool'\]; give a dict"):
        labels_by_task(torch.tensor([1, 3]), ['verb', 'tool'])
    with pytest.raises(InputError, match=r"labels for \['noun'\], but the tasks are \['noun', 'verb'\]"):
        labels_by_task(dict(noun=1), ['verb', 'noun'])


@pytest.mark.parametrize('by_name', [False, True])
@pytest.mark.parametrize('mixup', [False, True])
def test_a_dumped_config_pairs_labels_and_heads_alike(mini_root, tmp_path, mixup, by_name):
    """mmengine sorts the keys of all dicts when it writes a config."""
    cfg = Config.fromfile(RECIPE if mixup else MINI)
    cfg.merge_from_dict(mini_dict(mini_root))
    classes = dict(verb=6, noun=9)
    cfg.model.cls_head.num_classes = cfg.train_dataloader.dataset.num_classes = classes
    cfg.dump(tmp_path / 'dumped.py')
    dumped = Config.fromfile(tmp_path / 'dumped.py')
    assert list(dumped.model.cls_head.num_classes) == ['noun', 'verb']

    head = MODELS.build({**dumped.model.cls_head, 'label_smooth_eps': 0.})
    info = DATASETS.build({**dumped.train_dataloader.dataset, 'pipeline': []}).get_data_info(0)
    verb, noun = info['label']
    assert info['gt_label'] == dict(verb=verb, noun=noun)
    scores = dict(verb=torch.full((1, 6), -20.), noun=torch.full((1, 9), -20.))
    scores['verb'][0, verb] = scores['noun'][0, noun] = 20.  # as sure and right as can be
    sample = ActionDataSample()
    sample.set_field(info['gt_label'], 'gt_label') if by_name else sample.set_gt_label([verb, noun])
    samples = [sample]
    if mixup:
        sizes = dict(num_classes=dict(noun=9, verb=6), probs=1.)
        blending = MODELS.build({**dumped.model.data_preprocessor.blending, **sizes})
        samples = blending(torch.zeros(1, 3), samples)[1]
    losses = head.loss_by_feat({task: scores[task] for task in head.fc_cls}, samples)
    assert losses['loss_verb'] < 1e-3 and losses['loss_noun'] < 1e-3
