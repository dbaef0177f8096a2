"""An expert alone: as a backbone of our recognizer and of MMAction2's own."""
import pytest
import torch
from conftest import randomised

from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from projects.cast.models import CLIPExpert, VideoMAEExpert
from projects.cast.models.experts import pretrained
from projects.cast.utils import InputError

SIZE = dict(img_size=32, num_frames=4, embed_dims=16, depth=2, num_heads=2)
EXPERTS = dict(CLIPExpert='spatial', VideoMAEExpert='temporal', AIMExpert='spatial', TimmExpert='spatial')


def config(kind, **more):
    if kind == 'TimmExpert':
        return dict(type=kind, model_name='vit_base_patch16_224', img_size=32, num_frames=4,
                    model_kwargs=dict(embed_dim=16, depth=2, num_heads=2), **more)
    return dict(type=kind, **SIZE, **more)


@pytest.mark.parametrize('kind', EXPERTS)
def test_an_expert_is_the_backbone_of_one(kind):
    expert, clip = randomised(config(kind)), torch.randn(2, 3, 4, 32, 32)
    features = expert(clip)
    assert {n: f.shape for n, f in features.items()} == {EXPERTS[kind]: (2, 16)}
    one = MODELS.build(dict(type='MultiExpertViT', experts=dict(mine=config(kind)))).eval()
    one.experts.mine.load_state_dict(expert.state_dict())
    torch.testing.assert_close(one(clip)['mine'], features[EXPERTS[kind]])
    torch.testing.assert_close(expert(dict(video=clip, other=None)), features)

    frames = randomised(config(kind, per_frame=True, name='it'))(clip)['it']
    assert frames.shape == (2, expert.grid[0], 16)
    if kind == 'VideoMAEExpert':
        with torch.no_grad():
            expert.post_norm.reset_parameters()
        torch.testing.assert_close(expert.post_norm(frames.mean(1)).shape, features['temporal'].shape)
    assert randomised(config(kind, as_tensor=True))(clip).shape == (2, 16)


def test_per_frame_features_come_before_the_mean():
    clip = torch.randn(2, 3, 4, 32, 32)
    for cls in (CLIPExpert, VideoMAEExpert):
        torch.manual_seed(0)
        expert = cls(**SIZE).eval()
        expert.post_norm.weight.data.fill_(1)
        mean = expert(clip)[expert.name]
        expert.tower.get_submodule('ln_post' if cls is CLIPExpert else 'fc_norm').forward = lambda x: x
        expert.per_frame = True
        frames = expert(clip)[expert.name]
        torch.testing.assert_close(torch.nn.functional.layer_norm(
            frames.mean(1), (16, ), eps=expert.post_norm.eps), mean, rtol=1e-4, atol=1e-4)


def train_and_test(model):
    """Two samples of two views; returns their scores."""
    views = torch.randn(2, 2, 3, 4, 32, 32)
    samples = [ActionDataSample().set_gt_label(i) for i in range(2)]
    assert views.requires_grad is False
    losses = model.train()(views[:, :1], samples, mode='loss')
    losses['loss_cls'].backward()
    assert all(p.grad is not None for p in model.cls_head.parameters())
    with torch.no_grad():
        return [sample.pred_score for sample in model.eval()(views, samples, mode='predict')]


@pytest.mark.parametrize('kind', EXPERTS)
def test_in_the_recognizers_of_both(kind):
    ours = dict(type='FusedHead', num_classes=5, in_channels=16, experts=(EXPERTS[kind], ), adapters=False)
    host = dict(type='TimeSformerHead', num_classes=5, in_channels=16, average_clips='prob')
    for recognizer, backbone, head in (
            ('CASTRecognizer', config(kind, as_tensor=True), host),
            ('CASTRecognizer', config(kind), ours), ('Recognizer3D', config(kind), ours),
            ('Recognizer3D', config(kind, as_tensor=True), host)):
        model = randomised(dict(type=recognizer, backbone=backbone, cls_head=head, data_preprocessor=dict(
            type='ActionDataPreprocessor', format_shape='NCTHW')))
        for score in train_and_test(model):
            assert score.shape == (5, )
            torch.testing.assert_close(score.sum(), torch.tensor(1.))


def test_a_head_asks_for_frames():
    @MODELS.register_module(force=True)
    class FrameHead(MODELS.get('FusedHead')):
        per_frame = ('spatial', )

        def forward(self, x, **kwargs):
            assert x['spatial'].shape[1:] == (2, 16) and x['temporal'].dim() == 2
            return super().forward({**x, 'spatial': x['spatial'].max(1).values})

    size = dict(experts=dict(spatial=config('CLIPExpert'), temporal=config('VideoMAEExpert')))
    model = randomised(dict(
        type='CASTRecognizer', backbone=dict(type='TwoExpertViT', **size),
        cls_head=dict(type='FrameHead', num_classes=5, in_channels=16)))
    assert len(train_and_test(model)) == 2
    MODELS.module_dict.pop('FrameHead')


def test_learning_rates_decay_by_layer_for_one_expert():
    model = randomised(dict(
        type='CASTRecognizer', backbone=config('CLIPExpert', frozen=False), cls_head=dict(
            type='FusedHead', num_classes=5, in_channels=16, experts=('spatial', ), adapters=False)))
    depth = {name: model.get_layer_depth(name) for name, _ in model.named_parameters()}
    assert depth['backbone.tower.conv1.weight'] == (0, 4)
    assert depth['backbone.attn_adapters.1.up.weight'] == (2, 4) and depth['cls_head.fc_cls.bias'] == (3, 4)
    assert {k for k in model.frozen_experts()} == {'backbone.tower.'}


def test_what_does_not_fit_is_said(monkeypatch):
    said = []
    monkeypatch.setattr(pretrained, 'print_log', lambda message, **_: said.append(message))
    expert, clip = MODELS.build(config('CLIPExpert')), torch.randn(1, 3, 4, 32, 32)
    expert.init_weights()
    MODELS.build(config('CLIPExpert', frozen=False)).init_weights()
    assert len(said) == 1 and 'CLIPExpert is frozen, but has no checkpoint: its tower stays random' in said[0]
    head = MODELS.build(dict(type='FusedHead', num_classes=5, in_channels=16))
    with pytest.raises(InputError, match=r"'temporal', but the backbone gives \['spatial'\]; set"):
        head(expert(clip))
    head = MODELS.build(dict(
        type='FusedHead', num_classes=5, in_channels=24, experts=('spatial', )))
    with pytest.raises(InputError, match="in_channels is 24, but the feature of 'spatial' has 16 channels"):
        head(expert(clip))
    with pytest.raises(InputError, match='embed_dims=16 does not divide into num_heads=3'):
        CLIPExpert(**{**SIZE, 'num_heads': 3})
    torch.testing.assert_close(expert(dict(imgs=clip)), expert(clip))
