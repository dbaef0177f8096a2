"""Checkpoints and the config that version 0.1 wrote: they load, compute and go on as they did then.

``stored_v0_1`` holds a small CAST after one of two epochs of training on the mini kitchens, with and without
its frozen experts, the files of the experts, the config as mmengine wrote it into the work directory, an AIM
model, what that version computed, and its example config, which people have copied.
"""
import pytest
import torch
from conftest import ROOT, mini_dict
from mmengine import Config
from mmengine.runner import load_checkpoint
from safetensors.torch import load_file

from mmaction.registry import MODELS, RUNNERS
from projects.cast.engine import read_config
from projects.cast.utils import InputError

STORED = ROOT / 'tests/stored_v0_1'


@pytest.fixture
def expected():
    return load_file(STORED / 'outputs.safetensors')


def config():
    cfg = Config.fromfile(STORED / 'config.py')
    for name, expert in cfg.model.backbone.experts.items():
        expert.checkpoint = str(STORED / f'{name}.pth')
    return cfg


@pytest.mark.parametrize('file', ['whole.pth', 'slim.pth'])
def test_loads_strictly_and_computes_the_same(file, expected):
    model = MODELS.build(config().model).eval()
    load_checkpoint(model, str(STORED / file), strict=True)
    with torch.no_grad():
        features = model.backbone(expected['clip'])
        logits = model.cls_head(features)
    for kind, found in (('features', features), ('logits', logits)):
        for name, value in found.items():
            torch.testing.assert_close(value, expected[f'{kind}.{name}'], rtol=1e-5, atol=1e-6)


def test_aim(expected):
    size = dict(img_size=32, patch_size=16, num_frames=4, embed_dims=16, depth=1, num_heads=2, mlp_ratio=2.)
    model = MODELS.build(dict(
        type='CASTRecognizer',
        backbone=dict(
            type='TwoExpertViT', experts=dict(spatial=dict(type='AIMExpert', **size)), exchanges={}),
        cls_head=dict(
            type='FusedHead', num_classes=5, in_channels=16, experts=('spatial', ), adapters=False)))
    load_checkpoint(model.eval(), str(STORED / 'aim.pth'), strict=True)
    logits = model.cls_head(model.backbone(expected['aim.clip']))
    torch.testing.assert_close(logits, expected['aim.logits'], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('file', ['whole.pth', 'slim.pth'])
def test_resumes_as_the_run_of_then_went_on(file, expected, mini_root, tmp_path):
    """The optimizer's moments are counted in the order of the parameters, which must have stayed."""
    cfg = config()
    cfg.merge_from_dict(mini_dict(mini_root, work_dir=str(tmp_path), resume=True))
    cfg.load_from, cfg.experiment_name = str(STORED / file), str(tmp_path)
    runner = RUNNERS.build(cfg)
    runner.train()
    after = {k: v for k, v in runner.model.state_dict().items() if f'epoch_2.{k}' in expected}
    assert len(after) > 60
    for name, value in after.items():
        torch.testing.assert_close(value, expected[f'epoch_2.{name}'], rtol=1e-3, atol=1e-4, msg=name)
    start = torch.load(STORED / 'whole.pth', weights_only=False)['state_dict']  # our own file
    assert sum(not torch.allclose(value, start[name], atol=3e-4) for name, value in after.items()) > 60


@pytest.mark.parametrize('windows, attended', [
    (dict(temporal='space-time'), dict(spatial='time', temporal='space-time')),
    (dict(_delete_=True, temporal='space'), dict(temporal='space'))])
def test_windows_over_a_base_config_that_says_receivers(windows, attended, tmp_path):
    """A config that somebody wrote for version 0.1, on top of the base configs of today."""
    base = ROOT / 'configs/cast/mini/cast_mini_1xb32-u8-15e_mini-kitchens-rgb.py'
    path = tmp_path / 'mine.py'
    path.write_text(f'_base_ = {str(base)!r}\n'
                    f'model = dict(backbone=dict(exchanges=dict(b_cast=dict(windows={windows!r}))))\n')
    backbone = MODELS.build(Config.fromfile(path).model.backbone)
    assert {r: a.window for r, a in backbone.exchanges_at(0)['b_cast'].attn.items()} == attended


def test_old_names_are_registered():
    names = ('TwoExpertViT', 'BCAST', 'CASTRecognizer', 'VerbNounHead', 'FusedHead', 'EnsembleVerbNounHead',
             'PlainCrossAttention', 'VerbNounBatchAugment', 'Lateral', 'AdapterOnly')
    assert all(MODELS.get(name) is not None for name in names)


def test_copies_of_the_former_example_still_work(tmp_path):
    base = "_base_ = '"
    text = (STORED / 'example_own_data.py').read_text().replace(base, f'{base}{ROOT}/configs/cast/')
    (tmp_path / 'mine.py').write_text(text.replace('num_classes = 3', 'num_classes = 7'))
    cfg = read_config(str(tmp_path / 'mine.py'))
    assert cfg.model.cls_head.num_classes == cfg.val_dataloader.dataset.num_classes == 7
    assert [part.end for part in cfg.param_scheduler] == [2, 20] and cfg.param_scheduler[1].T_max == 18

    (tmp_path / 'other.py').write_text(text + 'path = _base_.clip_checkpoint\n')
    with pytest.raises(InputError, match='other.py: .*clip_checkpoint is now _base_.weights.clip'):
        read_config(str(tmp_path / 'other.py'))
