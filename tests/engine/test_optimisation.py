"""Learning rates, weight decay, precision and averaging."""
import copy
import math
import re

import pytest
import torch
from conftest import ROOT, build_tiny
from mmengine import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS
from mmengine.runner import load_checkpoint
from torch import nn

from mmaction.registry import MODELS, OPTIM_WRAPPERS
from projects.cast.checkpoints import RELEASE, rename
from projects.cast.engine import LearnableEMA

CONFIGS = {name: next((ROOT / 'configs/cast').glob(f'*_{name}-rgb.py')) for name in ('ek100', 'ssv2', 'k400')}


def test_layer_decay_and_weight_decay_of_all_learnable_tensors():
    """By the release's names, as its recipe is stated."""
    cfg = Config.fromfile(CONFIGS['ek100'])
    model = MODELS.build(cfg.model)
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper).optimizer
    by_tensor = {id(p): group for group in optimizer.param_groups for p in group['params']}
    learnable = {name: p for name, p in model.named_parameters() if p.requires_grad}
    assert len(by_tensor) == len(learnable) == 536
    released = rename(learnable, RELEASE, reverse=True)
    assert len(released) == 536
    for name, parameter in released.items():
        group = by_tensor[id(parameter)]
        block = re.match(r'blocks\.(\d+)\.', name)
        layer = int(block.group(1)) + 1 if block else 13  # no embedding learns
        assert group['lr'] == pytest.approx(1.5e-3 * 0.75**(13 - layer), rel=1e-12), name
        undecayed = parameter.ndim == 1 or name.endswith('bias') or re.search('_(time|space)_pos$', name)
        assert group['weight_decay'] == (0 if undecayed else 0.05), name


def groups_of(model, constructor='LayerDecayOptimWrapperConstructor', **paramwise):
    """Parameter to what the optimizer does with it."""
    cfg = copy.deepcopy(Config.fromfile(CONFIGS['ek100']).optim_wrapper)
    cfg.constructor = constructor
    cfg.paramwise_cfg.update(paramwise)
    return {group['param_name']: (group['lr'], group['weight_decay'])
            for group in build_optim_wrapper(model, cfg).optimizer.param_groups}


def test_minor11_modules_say_which_tables_are_not_decayed():
    model = build_tiny()
    aim = MODELS.build(dict(type='AIMExpert', embed_dims=48, depth=2, num_heads=4))
    model.backbone.experts['spatial'] = aim
    groups = groups_of(model)
    tables = [name for name in groups if name.endswith('_pos')]
    assert len(tables) == 4 * 2 + 1 and {groups[name][1] for name in tables} == {0.}
    named = dict.fromkeys(('query_pos', 'context_pos', 'time_pos'), dict(decay_mult=0.))  # as before
    before = groups_of(model, 'mmpretrain.LearningRateDecayOptimWrapperConstructor', custom_keys=named)
    assert before == groups
    decayed = groups_of(model, custom_keys=dict(time_pos=dict(decay_mult=0.5)))  # a config goes first
    assert decayed.pop('backbone.experts.spatial.time_pos')[1] == 0.025
    assert decayed.items() < groups.items()


@pytest.mark.parametrize('name', ['vit_base_patch16_224', 'eva02_base_patch16_clip_224'])
def test_names_that_a_tower_does_not_have(name):
    """timm's towers say that tokens are not decayed which only some of them have."""
    model = build_tiny()
    model.backbone.experts['spatial'] = MODELS.build(dict(
        type='TimmExpert', model_name=name, frozen=False,
        model_kwargs=dict(embed_dim=48, depth=2, num_heads=4)))
    groups = groups_of(model)
    prefix = 'backbone.experts.spatial.tower.'
    assert groups[f'{prefix}pos_embed'][1] == groups[f'{prefix}cls_token'][1] == 0.
    assert groups[f'{prefix}patch_embed.proj.weight'][1] == 0.05


def test_embeddings_are_layer_0():
    model = build_tiny()
    for name in ('spatial.tower.conv1.weight', 'spatial.tower.class_embedding',
                 'temporal.tower.patch_embed.projection.bias'):
        assert model.get_layer_depth(f'backbone.experts.{name}') == (0, 4)
    assert model.get_layer_depth('backbone.experts.temporal.tower.blocks.1.mlp.layers.1.bias') == (2, 4)
    assert model.get_layer_depth('cls_head.fc_cls.verb.bias') == (3, 4)


@pytest.mark.parametrize('name, epochs, total', [('ek100', 50, 384), ('ssv2', 50, 384), ('k400', 70, 576)])
def test_learning_rate_of_every_iteration(name, epochs, total):
    cfg, steps = Config.fromfile(CONFIGS[name]), 7  # iterations an epoch
    assert 16 * cfg.train_dataloader.batch_size * cfg.optim_wrapper.accumulative_counts == total
    scale = 0.75**5
    peak, low = 1e-3 * total / 256 * scale, 1e-6 * total / 256 * scale
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=cfg.optim_wrapper.optimizer.lr * scale)
    schedulers = []
    for scheduler in cfg.param_scheduler:
        scheduler = dict(scheduler)
        scheduler.pop('convert_to_iter_based')
        cls = PARAM_SCHEDULERS.get(scheduler.pop('type'))
        schedulers.append(cls.build_iter_from_epoch(optimizer=optimizer, epoch_length=steps, **scheduler))
    warm, whole = 5 * steps, epochs * steps
    for i in range(whole):
        if i < warm:
            expected = peak * i / (warm - 1)
        else:
            expected = low + (peak - low) * (1 + math.cos(math.pi * (i - warm) / (whole - warm))) / 2
        assert optimizer.param_groups[0]['lr'] == pytest.approx(expected, rel=1e-6, abs=1e-9 * peak), i
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()


def step(model, optim_wrapper):
    torch.manual_seed(1)
    clip, target = torch.randn(2, 3, 4, 32, 32), torch.randn(2, 97)
    with optim_wrapper.optim_context(model):
        verb = model.cls_head(model.backbone(clip))['verb']
    optim_wrapper.update_params((verb.float() - target).square().mean())
    return verb


def test_bf16():
    model, reference = build_tiny(), build_tiny()
    wrapper = OPTIM_WRAPPERS.build(dict(
        type='BF16OptimWrapper', optimizer=torch.optim.SGD(model.parameters(), 1e-2)))
    verb = step(model, wrapper)
    assert verb.dtype == torch.bfloat16
    expected = step(reference, OPTIM_WRAPPERS.build(dict(
        type='OptimWrapper', optimizer=torch.optim.SGD(reference.parameters(), 1e-2))))
    assert expected.dtype == torch.float32
    assert (verb - expected).norm() < 0.05 * expected.norm()
    one, other = (m.cls_head.fc_cls['verb'].weight for m in (model, reference))
    assert one.dtype == torch.float32 and (one - other).norm() < 0.05 * other.norm()


def test_ema_leaves_frozen_weights_out():
    model = build_tiny()
    ema = LearnableEMA(model, momentum=0.25)
    frozen = {k for k, p in model.named_parameters() if not p.requires_grad}
    source = dict(model.named_parameters())
    for name, parameter in ema.module.named_parameters():
        assert (parameter.data_ptr() == source[name].data_ptr()) == (name in frozen), name
    assert set(ema.state_dict()) == {f'module.{k}' for k in source if k not in frozen} | {'steps'}

    ema.update_parameters(model)
    up = source['cls_head.fc_cls.verb.weight']
    before = up.detach().clone()
    up.data.add_(1.)
    ema.update_parameters(model)
    averaged = ema.module.cls_head.fc_cls['verb'].weight
    torch.testing.assert_close(averaged, before + 0.25)

    other = LearnableEMA(build_tiny(), momentum=0.25)
    other.load_state_dict(ema.state_dict())
    assert torch.equal(other.module.cls_head.fc_cls['verb'].weight, averaged) and other.steps == 2


def test_checkpoints_are_whole_or_not_there(tmp_path, monkeypatch):
    from mmengine.fileio import get_file_backend
    from mmengine.runner import save_checkpoint
    path, backend = str(tmp_path / 'run/epoch_1.pth'), dict(backend='atomic')
    save_checkpoint(dict(state_dict=dict(w=torch.ones(2))), path, backend_args=backend)
    assert get_file_backend(path, backend_args=backend).isfile(path)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr('os.fsync', killed)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(dict(state_dict=dict(w=torch.zeros(2))), path, backend_args=backend)
    module = nn.Module()
    module.w = nn.Parameter(torch.zeros(2))
    load_checkpoint(module, path)
    assert torch.equal(module.w, torch.ones(2))  # the old one, whole
