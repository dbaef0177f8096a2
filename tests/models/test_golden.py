"""Parity with the released model: its tensors, stored as numbers (reference: a tiny random instance)."""
import numpy as np
import pytest
import torch
from conftest import ROOT, build_tiny
from safetensors.torch import load_file

from mmaction.structures import ActionDataSample
from projects.cast.checkpoints import RELEASE, mismatch, rename

CASES = {
    'verb_noun': (None, [[7, 3], [11, 5]], {'verb': 'out.verb', 'noun': 'out.noun'}),
    'single_label': (dict(type='FusedHead', num_classes=174, in_channels=48), [3, 5],
                     {'': 'out.logits'}),
}


@pytest.fixture(scope='module', params=CASES)
def golden(request):
    head, labels, logits = CASES[request.param]
    stored = load_file(ROOT / f'tests/golden/cast_tiny_{request.param}.safetensors')
    model = build_tiny(head=head).eval()
    state = rename({k[7:]: v for k, v in stored.items() if k.startswith('weight.')}, RELEASE)
    assert not mismatch(model.state_dict(), state)
    model.load_state_dict(state, strict=True)
    clip = np.random.default_rng(0).standard_normal((2, 3, 16, 224, 224)).astype(np.float32)
    return model, stored, torch.from_numpy(clip), labels, logits


def close(ours, theirs, tolerance=1e-5):
    torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance * max(1, theirs.abs().max().item()))


def test_blocks(golden):
    model, stored, clip, _, _ = golden
    backbone = model.backbone
    with torch.no_grad():
        x = {name: expert.embed(clip) for name, expert in backbone.experts.items()}
        for i in range(2):
            x = backbone.block(i, x)
            for name, tokens in x.items():
                close(tokens.data[:, ::4, ::28], stored[f'act.{i}.{name}'])


def test_features_logits_loss_and_every_gradient(golden):
    model, stored, clip, labels, logits = golden
    features = model.backbone(clip)
    for name, feature in features.items():
        close(feature, stored[f'out.{name}_feature'])
    scores = model.cls_head(features)
    for task, key in logits.items():
        close(scores[task] if task else scores, stored[key])

    samples = [ActionDataSample().set_gt_label(label) for label in labels]
    loss, _ = model.parse_losses(model.cls_head.loss(features, samples))
    close(loss, stored['loss'].squeeze())
    model.zero_grad()
    loss.backward()
    learnable = {k: p for k, p in model.named_parameters() if p.requires_grad}
    grads = rename({k: torch.zeros_like(p) if p.grad is None else p.grad for k, p in learnable.items()},
                   RELEASE, reverse=True)
    expected = {k[5:]: v for k, v in stored.items() if k.startswith('grad.')}
    assert grads.keys() == expected.keys()
    for key, grad in expected.items():
        error = (grads[key] - grad).abs().max()
        assert error <= 1e-4 * grad.abs().max(), (key, error)


def test_only_what_reaches_no_output_has_no_gradient(golden):
    model, stored, clip, labels, _ = golden
    model.zero_grad()
    samples = [ActionDataSample().set_gt_label(label) for label in labels]
    model.parse_losses(model.cls_head.loss(model.backbone(clip), samples))[0].backward()
    without = {k for k, p in model.named_parameters() if p.requires_grad and p.grad is None}
    assert without == set(model._ddp_params_and_buffers_to_ignore)
    assert len(without) == 8
    for key in rename(dict.fromkeys(without), RELEASE, reverse=True):
        assert not stored[f'grad.{key}'].any()  # the released model's gradients are zeros there
