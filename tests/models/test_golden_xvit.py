"""Parity with the released program of X-ViT, on stored tiny instances (with every eighth gradient)."""
import numpy as np
import pytest
import torch
from conftest import ROOT
from safetensors.torch import load_file

from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from projects.cast.checkpoints import mismatch, recognise, rename

CASES = {'k600': dict(num_frames=8, segment=8, mix_ratio=0.25), 'ssv2': dict(num_frames=16, segment=16)}


@pytest.fixture(scope='module', params=CASES)
def golden(request):
    stored = load_file(ROOT / f'tests/golden/xvit_tiny_{request.param}.safetensors')
    model = MODELS.build(dict(
        type='CASTRecognizer',
        backbone=dict(
            type='XViTExpert', model_name='vit_base_patch16_224', frozen=False, adapter_ratio=0,
            model_kwargs=dict(embed_dim=48, depth=2, num_heads=4), **CASES[request.param]),
        cls_head=dict(type='XViTHead', num_classes=174, in_channels=48, num_heads=4))).eval()
    weights = {k[7:]: v for k, v in stored.items() if k.startswith('weight.')}
    system, table = recognise(weights)
    assert system == 'X-ViT'
    state = rename(weights, table)
    assert not mismatch(model.state_dict(), state)
    model.load_state_dict(state, strict=True)
    shape = (2, 3, CASES[request.param]['num_frames'], 224, 224)
    clip = torch.from_numpy(np.random.default_rng(0).standard_normal(shape).astype(np.float32))
    return model, stored, weights, clip, table


def close(ours, theirs, tolerance=1e-5):
    torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance * max(1, theirs.abs().max().item()))


def test_every_stage_and_gradient(golden):
    model, stored, _, clip, table = golden
    expert = model.backbone
    x = expert.embed(clip)
    for i in range(2):
        x = expert.feed_forward(i, expert.self_attend(i, x))
        close(x.data[:, ::4, ::28], stored[f'act.{i}'])
    features = expert(clip)
    close(features['temporal'], stored['out.features'])
    close(model.cls_head(features), stored['out.logits'])
    samples = [ActionDataSample().set_gt_label(label) for label in (3, 5)]
    loss = model.cls_head.loss(features, samples)['loss_cls']
    close(loss, stored['loss'])
    model.zero_grad()
    loss.backward()
    grads = {k: torch.zeros_like(p) if p.grad is None else p.grad for k, p in model.named_parameters()}
    grads = rename(grads, table, reverse=True)
    expected = {k[5:]: v for k, v in stored.items() if k.startswith('grad.')}
    assert grads.keys() == expected.keys() - {'new_fc.weight', 'new_fc.bias'}
    for key, ours in grads.items():
        error = (ours.flatten()[::8] - expected[key]).abs().max()
        assert error <= 1e-4 * expected[key].abs().max(), (key, error)


def test_there_and_back(golden):
    model, _, weights, _, table = golden
    back = rename(model.state_dict(), table, reverse=True)
    assert recognise(model.state_dict())[0] == 'X-ViT'
    assert weights.keys() - back.keys() == {'new_fc.weight', 'new_fc.bias'}
    assert all(torch.equal(value, weights[key]) for key, value in back.items())
