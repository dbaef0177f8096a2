"""Every config file: it parses, its model has the published size, its pipelines run on a video."""
import copy

import pytest
import torch
from conftest import ROOT
from mmengine import Config
from mmengine.dataset import Compose, pseudo_collate

from mmaction.registry import MODELS

CONFIGS = sorted(p for p in (ROOT / 'configs/cast').rglob('*.py') if '_base_' not in p.parts)
MILLIONS = {'ek100': (216.81, 44.78, 536), 'ssv2': (217.23, 45.21, 542), 'k400': (217.40, 45.38, 542)}


def dataset_of(path):
    return path.stem.rpartition('_')[2].removesuffix('-rgb')


@pytest.fixture(scope='module', params=CONFIGS, ids=lambda p: p.stem)
def path(request):
    return request.param


def test_parses_and_has_what_mmaction2_reads(path):
    cfg = Config.fromfile(path)
    for key in ('train_pipeline', 'val_pipeline', 'test_pipeline', 'dataset_type', 'data_root',
                'ann_file_train', 'auto_scale_lr', 'model_wrapper_cfg', 'label_map'):
        assert key in cfg, key
    assert cfg.train_dataloader.batch_size == int(path.stem.split('xb')[1].split('-')[0])
    assert f'-{cfg.train_cfg.max_epochs}e_' in path.stem
    total = sum(s['end'] - s['begin'] for s in cfg.param_scheduler)
    assert total == cfg.train_cfg.max_epochs


def test_number_of_parameters(path):
    if dataset_of(path) not in MILLIONS:
        pytest.skip('the paper has no such model')
    model = MODELS.build(Config.fromfile(path).model)
    learnable = [p.numel() for p in model.parameters() if p.requires_grad]
    total = sum(p.numel() for p in model.parameters())
    assert (round(total / 1e6, 2), round(sum(learnable) / 1e6, 2), len(learnable)) == MILLIONS[
        dataset_of(path)]


def shrink(model):
    """The config's model with small experts, all else as it is."""
    model = copy.deepcopy(model)
    for expert in model.backbone.experts.values():
        expert.update(embed_dims=24, depth=2, num_heads=2, checkpoint=None)
    model.backbone.exchanges.b_cast.update(bottleneck_dims=12, num_heads=2)
    model.cls_head.in_channels = 24
    return model


def test_a_training_step_and_a_test_on_a_video(path, mini_root):
    cfg = Config.fromfile(path)
    torch.manual_seed(0)
    model = MODELS.build(shrink(cfg.model))
    video = str(mini_root / 'P01/videos/P01_01.mp4')
    verb_noun = cfg.model.cls_head.type == 'VerbNounHead'
    data = [dict(filename=video, start_index=0, modality='RGB', label=[1, 2] if verb_noun else 1)
            for _ in range(2)]
    pipelines = {name: Compose(cfg[name]) for name in ('train_pipeline', 'val_pipeline', 'test_pipeline')}

    batch = pseudo_collate([pipelines['train_pipeline'](dict(d)) for d in data])
    batch = model.data_preprocessor(batch, training=True)
    losses = model(**batch, mode='loss')
    loss, _ = model.parse_losses(losses)
    loss.backward()
    without = {k for k, p in model.named_parameters() if p.requires_grad and p.grad is None}
    assert loss.isfinite() and without == set(model._ddp_params_and_buffers_to_ignore)

    views = {'ek100': 6, 'ssv2': 6, 'k400': 15}.get(dataset_of(path), 6 if 'recipe' in path.stem else 2)
    for name, count in (('val_pipeline', 1), ('test_pipeline', views)):
        batch = pseudo_collate([pipelines[name](dict(d)) for d in data])
        assert batch['inputs'][0].shape[0] == count
        with torch.no_grad():
            score = model.test_step(batch)[1].pred_score
        for s in score.values() if verb_noun else [score]:
            torch.testing.assert_close(s.sum(), torch.tensor(1.))
