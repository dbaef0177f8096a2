import copy

import pytest
import torch
from conftest import build_tiny, tiny_config

from mmaction.registry import MODELS
from projects.cast.utils import InputError


def forward(expert, clip):
    x = expert.embed(clip)
    for i in range(expert.depth):
        x = expert.feed_forward(i, expert.self_attend(i, x))
    return x


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
    with pytest.raises(ValueError, match=r'\(15, 224, 224\).*tubes of \(2, 16, 16\)'):
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
    model = MODELS.build(cfg).backbone
    features = model(torch.randn(1, 3, 4, 64, 64))
    assert {k: v.shape[1] for k, v in features.items()} == dict(spatial=48, temporal=64, audio=32)


def test_exchange_in_some_layers():
    cfg = tiny_config()['backbone']
    cfg['exchanges']['b_cast']['layers'] = [1]
    model = MODELS.build(cfg)
    assert [len(e) for e in model.exchanges] == [0, 1]


@pytest.mark.parametrize('layers', [[1, 2], [-1]])
def test_minor3_layers_that_are_not_there(layers):
    cfg = tiny_config()['backbone']
    cfg['exchanges']['b_cast']['layers'] = layers
    message = rf"exchange 'b_cast' has layers=\[{str(layers)[1:-1]}\], but the 2 blocks are numbered 0 to 1"
    with pytest.raises(InputError, match=message):
        MODELS.build(cfg)


SIZE = dict(img_size=(32, 64), num_frames=4)


def test_minor13_sizes_that_are_not_square():
    """Tables of all experts and exchanges, beside the libraries' own forward passes."""
    cfg = tiny_config()['backbone']
    for expert in cfg['experts'].values():
        expert.update(SIZE)
    cfg['experts']['timm'] = dict(
        type='TimmExpert', model_name='vit_base_patch16_224',
        model_kwargs=dict(embed_dim=48, depth=2, num_heads=4), **SIZE)
    cfg['experts']['aim'] = dict(type='AIMExpert', embed_dims=48, depth=2, num_heads=4, **SIZE)
    cfg['exchanges']['b_cast']['between'] = ('spatial', 'temporal')
    torch.manual_seed(0)
    model = MODELS.build(cfg).eval()
    clip = torch.randn(2, 3, 4, 32, 64)
    features = model(clip)
    clip_tower, timm_tower = model.experts.spatial.tower, model.experts.timm.tower
    assert clip_tower.positional_embedding.shape[0] == 9 and timm_tower.pos_embed.shape[1] == 9
    assert model.exchanges[0].b_cast.attn.temporal.query_pos.shape[0] == 8
    frames = clip[:, :, 1::2].transpose(1, 2).flatten(0, 1)
    cls = clip_tower.transformer(clip_tower._embeds(frames))[:, 0].view(2, 2, -1).mean(1)
    torch.testing.assert_close(features['spatial'], clip_tower.ln_post(cls))
    torch.testing.assert_close(features['temporal'], model.experts.temporal.tower(clip))
    cls = model.experts.timm.pool(forward(model.experts.timm, clip[:, :, :2]))
    torch.testing.assert_close(cls, timm_tower(clip[:, :, 1]), rtol=1e-4, atol=1e-5)
    assert features['aim'].shape == (2, 48)


def test_minor15_resizing_leaves_the_graph():
    cfg = tiny_config()['backbone']
    cfg['experts'].update(
        spatial=dict(type='AIMExpert', embed_dims=48, num_heads=4),
        timm=dict(type='TimmExpert', model_name='eva02_base_patch16_clip_224',
                  model_kwargs=dict(embed_dim=48, depth=1, num_heads=4)))
    cfg['experts']['spatial']['depth'] = cfg['experts']['temporal']['depth'] = 1
    cfg['experts']['spatial']['tubelet_size'] = 2
    cfg['exchanges']['b_cast']['between'] = ('spatial', 'temporal')
    cfg['exchanges']['plain'] = dict(
        type='PlainCrossAttention', between=('timm', 'temporal'), num_heads=4,
        windows=dict(timm='time', temporal='space-time'))
    cfg['exchanges']['lateral'] = dict(type='Lateral', between=('timm', 'spatial'))
    torch.manual_seed(0)
    model = MODELS.build(cfg).eval()
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.1)
    clip = torch.randn(2, 3, 8, 48, 80)

    def resizes(names):
        return [name for name in map(str, names) if 'upsample' in name or 'interpolate' in name]

    with torch.no_grad():
        with torch.profiler.profile() as profile:
            expected = model(clip)
        assert resizes(event.name for event in profile.events())
        parameters = dict(model.named_parameters())
        model.set_input_size((8, 48, 80))
        assert all(p is parameters[n] for n, p in model.named_parameters())
        graph = torch.export.export(model, (clip, ), strict=False).graph
        assert not resizes(node.target for node in graph.nodes)
        for name, feature in model(clip).items():
            torch.testing.assert_close(feature, expected[name], rtol=0, atol=1e-6)
        assert all(f.isfinite().all() for f in model(torch.randn(1, 3, 4, 32, 32)).values())
    fresh = MODELS.build({**cfg, 'experts': {  # what it holds fits a model that is built for that size
        n: {**e, 'img_size': (48, 80), 'num_frames': 8} for n, e in cfg['experts'].items()}})
    fresh.load_state_dict(model.state_dict())


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


def test_features_of_integer_clips_are_floats():
    """A clip that no preprocessor has touched; the features have the dtype of the weights."""
    model = build_tiny().backbone.eval()
    clip = torch.randint(256, (1, 3, 4, 32, 32), dtype=torch.uint8)
    features = model(clip)
    assert all(f.dtype == torch.float32 and f.any() for f in features.values())
    torch.testing.assert_close(features, model(clip.float()))
