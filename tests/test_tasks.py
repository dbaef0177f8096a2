"""The order of tasks is that of the labels, also in the config that a run leaves in its work directory."""
import pytest
import torch
from conftest import MINI, RECIPE, mini_dict
from mmengine import Config

from mmaction.registry import DATASETS, MODELS
from mmaction.structures import ActionDataSample
from projects.cast.tasks import in_order


def test_verb_comes_before_noun_and_others_stay():
    assert list(in_order(dict(noun=2, tool=3, verb=1)).items()) == [('verb', 1), ('noun', 2), ('tool', 3)]
    assert list(in_order(dict(b=1, a=2))) == ['b', 'a']


@pytest.mark.parametrize('mixup', [False, True])
def test_a_dumped_config_pairs_labels_and_heads_alike(mini_root, tmp_path, mixup):
    """mmengine sorts the keys of all dicts when it writes a config."""
    cfg = Config.fromfile(RECIPE if mixup else MINI)
    cfg.merge_from_dict(mini_dict(mini_root))
    classes = dict(verb=6, noun=9)
    cfg.model.cls_head.num_classes = cfg.train_dataloader.dataset.num_classes = classes
    cfg.dump(tmp_path / 'dumped.py')
    dumped = Config.fromfile(tmp_path / 'dumped.py')
    assert list(dumped.model.cls_head.num_classes) == ['noun', 'verb']

    head = MODELS.build({**dumped.model.cls_head, 'label_smooth_eps': 0.})
    verb, noun = DATASETS.build({**dumped.train_dataloader.dataset, 'pipeline': []}).get_data_info(0)['label']
    scores = dict(verb=torch.full((1, 6), -20.), noun=torch.full((1, 9), -20.))
    scores['verb'][0, verb] = scores['noun'][0, noun] = 20.  # as sure and right as can be
    samples = [ActionDataSample().set_gt_label([verb, noun])]
    if mixup:
        sizes = dict(num_classes=dict(noun=9, verb=6), probs=1.)
        blending = MODELS.build({**dumped.model.data_preprocessor.blending, **sizes})
        samples = blending(torch.zeros(1, 3), samples)[1]
    losses = head.loss_by_feat({task: scores[task] for task in head.fc_cls}, samples)
    assert losses['loss_verb'] < 1e-3 and losses['loss_noun'] < 1e-3
