import copy

import pytest
import torch
from conftest import build_tiny, tiny_config

from mmaction.registry import MODELS


def test_new_model_computes_what_its_experts_do():
    model = build_tiny(randomise=False).eval()
    clip = torch.randn(1, 3, 16, 224, 224)
    spatial, temporal = model.backbone.experts['spatial'], model.backbone.experts['temporal']
    with torch.no_grad():
        features = model.backbone(clip)
        frames = clip[:, :, 1::2].transpose(1, 2).flatten(0, 1)
        tower = spatial.tower
        x = tower.transformer(tower._embeds(frames))[:, 0]  # open_clip's own blocks, class tokens
        torch.testing.assert_close(features['spatial'], tower.ln_post(x.mean(0, keepdim=True)))
        torch.testing.assert_close(features['temporal'], temporal.tower(clip))  # MMAction2's forward


@pytest.mark.parametrize('shape', [(8, 160, 288), (32, 96, 64), (16, 288, 288), (2, 16, 16)])
def test_other_sizes(shape):
    features = build_tiny().eval().backbone(torch.randn(1, 3, *shape))
    assert {k: tuple(v.shape) for k, v in features.items()} == dict(spatial=(1, 48), temporal=(1, 48))
    assert all(v.isfinite().all() for v in features.values())


def test_size_that_does_not_divide():
    with pytest.raises(ValueError, match=r'\(1, 3, 15, 224, 224\).*tubes of \(2, 16, 16\)'):
        build_tiny().backbone(torch.randn(1, 3, 15, 224, 224))


def test_unequal_widths_and_a_third_expert():
    cfg = tiny_config(temporal_width=64)
    backbone = cfg['backbone']
    backbone['experts']['audio'] = dict(type='CLIPExpert', embed_dims=32, depth=2, num_heads=2)
    for name in ('spatial', 'temporal'):
        backbone['exchanges'][name + '_audio'] = dict(
            type='BCAST', between=(name, 'audio'), windows={name: 'time', 'audio': 'space-time'},
            bottleneck_dims=16, num_heads=2)
    backbone['exchanges']['b_cast']['between'] = ('spatial', 'temporal')
    model = MODELS.build(backbone)
    features = model(torch.randn(1, 3, 4, 64, 64))
    assert {k: v.shape[1] for k, v in features.items()} == dict(spatial=48, temporal=64, audio=32)
    sum(f.sum() for f in features.values()).backward()
    dead = {n for n, p in model.named_parameters() if p.requires_grad and p.grad is None}
    assert dead == set(model.unreachable_parameters())


def test_exchange_in_some_layers():
    cfg = tiny_config()['backbone']
    cfg['exchanges']['b_cast']['layers'] = [1]
    model = MODELS.build(cfg)
    assert [len(e) for e in model.exchanges] == [0, 1]


def test_wrong_configs():
    cfg = tiny_config()['backbone']
    deep = copy.deepcopy(cfg)
    deep['experts']['spatial']['depth'] = 3
    with pytest.raises(ValueError, match="depths are {'spatial': 3, 'temporal': 2}"):
        MODELS.build(deep)
    lost = copy.deepcopy(cfg)
    lost['exchanges']['b_cast']['between'] = ('spatial', 'sound')
    with pytest.raises(ValueError, match='sound'):
        MODELS.build(lost)


def test_frozen_stays_frozen_and_the_rest_moves():
    torch.manual_seed(0)
    model = build_tiny(drop_path_rate=0.2)
    model.train()
    assert not model.backbone.experts['spatial'].tower.training
    before = {k: v.clone() for k, v in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    scores = model.cls_head(model.backbone(torch.randn(4, 3, 4, 64, 64)))
    sum(s.square().mean() for s in scores.values()).backward()
    optimizer.step()
    moved = {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    learnable = {k for k, p in model.named_parameters() if p.requires_grad}
    assert moved == learnable - set(model._ddp_params_and_buffers_to_ignore)
    towers = {k for k in learnable if '.tower.' in k}
    assert {k.split('.tower.')[1] for k in towers} == {
        'ln_post.weight', 'ln_post.bias', 'fc_norm.weight', 'fc_norm.bias'}


def test_drop_path_acts_in_training_only():
    model = build_tiny(drop_path_rate=0.9).backbone
    clip = torch.randn(2, 3, 4, 32, 32)
    model.eval()
    assert torch.equal(model(clip)['spatial'], model(clip)['spatial'])
    model.train()
    assert len({tuple(model(clip)['spatial'].flatten().tolist()) for _ in range(6)}) > 1
