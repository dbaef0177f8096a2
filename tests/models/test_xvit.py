"""X-ViT by hand: which channel of which frame a key or value comes from; its files; its heads; with CLIP."""
import pytest
import timm
import torch
import torch.nn.functional as F
from conftest import load_tool, randomised

from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from projects.cast.models import XViTExpert
from projects.cast.utils import InputError

SIZE = dict(embed_dim=12, depth=2, num_heads=2)
SMALL = dict(model_name='vit_base_patch16_224', model_kwargs=SIZE, img_size=32, num_frames=4, adapter_ratio=0)


def build(**kwargs):
    """An expert in eval mode with random values everywhere."""
    torch.manual_seed(0)
    expert = XViTExpert(**{**SMALL, **kwargs}).eval()
    for p in expert.parameters():
        torch.nn.init.normal_(p, std=0.2)
    return expert


def ramp(frames, channels=12):
    """``(1, T, 1, D)`` whose value at frame t (from 1) and channel c is ``t + c / 100``."""
    t, c = torch.arange(1., frames + 1), torch.arange(channels) / 100
    return (t[:, None] + c)[None, :, None]


def sources(expert, frames):
    """Of each frame and channel: the frame that it comes from, 0 for zeros."""
    out = expert.shifted(ramp(frames))[0, :, 0]
    channels = torch.arange(12) / 100
    kept = (out == 0) | ((out - channels).round() + channels - out).abs().lt(1e-5)
    assert kept.all()  # channels never change their place
    return torch.where(out == 0, 0, (out - channels).round()).int().tolist()


def test_eq_9_and_10_by_hand():
    """``div`` 4 of 12 channels: the first three come from t + 1, the next three from t - 1."""
    assert sources(build(mix_ratio=0.5), 4) == [
        [2] * 3 + [0] * 3 + [1] * 6, [3] * 3 + [1] * 3 + [2] * 6,
        [4] * 3 + [2] * 3 + [3] * 6, [0] * 3 + [3] * 3 + [4] * 6]


@pytest.mark.parametrize('options, expected', [
    (dict(mix_ratio=0.), [[1] * 12, [2] * 12, [3] * 12, [4] * 12]),
    (dict(shifts=()), [[1] * 12, [2] * 12, [3] * 12, [4] * 12]),
    (dict(mix_ratio=1.), [[2] * 6 + [0] * 6, [3] * 6 + [1] * 6, [4] * 6 + [2] * 6, [0] * 6 + [3] * 6]),
    (dict(segment=2), [[2] * 3 + [0] * 3 + [1] * 6, [0] * 3 + [1] * 3 + [2] * 6,
                       [4] * 3 + [0] * 3 + [3] * 6, [0] * 3 + [3] * 3 + [4] * 6]),
    (dict(segment=3), [[2] * 3 + [0] * 3 + [1] * 6, [3] * 3 + [1] * 3 + [2] * 6,
                       [0] * 3 + [2] * 3 + [3] * 6, [0] * 6 + [4] * 6]),  # the last segment is shorter
    (dict(shifts=(1, -1, 2, -2), mix_ratio=2 / 3), [
        [2, 2, 0, 0, 3, 3, 0, 0, 1, 1, 1, 1], [3, 3, 1, 1, 4, 4, 0, 0, 2, 2, 2, 2],
        [4, 4, 2, 2, 0, 0, 1, 1, 3, 3, 3, 3], [0, 0, 3, 3, 0, 0, 2, 2, 4, 4, 4, 4]]),
    (dict(shifts=(2, -2), mix_ratio=1 / 3), [
        [3] * 2 + [0] * 2 + [1] * 8, [4] * 2 + [0] * 2 + [2] * 8,
        [0] * 2 + [1] * 2 + [3] * 8, [0] * 2 + [2] * 2 + [4] * 8]),
    (dict(shifts=(9, -9)), [[0] * 6 + [t] * 6 for t in (1, 2, 3, 4)])])
def test_windows_shares_and_segments(options, expected):
    assert sources(build(**options), 4) == expected


@pytest.mark.parametrize('frames', [1, 2, 3, 5])
def test_any_number_of_frames(frames):
    expert = build(segment=2)
    feature = expert(torch.randn(2, 3, frames, 32, 32))['temporal']
    assert feature.shape == (2, 12) and feature.isfinite().all()
    per_frame = build(segment=2, per_frame=True)(torch.randn(2, 3, frames, 32, 32))['temporal']
    assert per_frame.shape == (2, frames, 12)


def test_attention_on_mixed_keys_and_values():
    """Against the definition, with loops over frames, heads and tokens."""
    expert = build(mix_ratio=0.5, segment=4)
    n = expert.embed(torch.randn(1, 3, 4, 32, 32))
    block = expert.blocks[1]
    q, k, v = (n.data @ block.attn.qkv.weight.T + block.attn.qkv.bias).chunk(3, -1)
    ours = expert.self_attention(expert.parts(1).attn, n)
    zero = torch.zeros_like(k[0, 0])
    for t in range(4):
        ahead, behind = t + 1, t - 1

        def mixed(x, t=t, ahead=ahead, behind=behind):
            parts = [x[0, ahead] if ahead < 4 else zero, x[0, behind] if behind >= 0 else zero, x[0, t]]
            return torch.cat([parts[0][:, :3], parts[1][:, 3:6], parts[2][:, 6:]], -1)

        heads = []
        for h in range(2):
            part = slice(6 * h, 6 * h + 6)
            scores = q[0, t][:, part] @ mixed(k)[:, part].T / 6**0.5
            heads.append(scores.softmax(-1) @ mixed(v)[:, part])
        torch.testing.assert_close(ours[0, t], block.attn.proj(torch.cat(heads, -1)))


@pytest.mark.parametrize('mix', [(), ('key', ), ('value', ), ('x', ), ('key', 'value')])
def test_what_is_mixed(mix):
    """Without mixing, frames are independent; the table over time does not let them see each other."""
    expert = build(mix=mix, per_frame=True)
    clip = torch.randn(1, 3, 4, 32, 32)
    other = clip.clone()
    other[:, :, 3] = 9 * torch.randn(3, 32, 32)
    change = (expert(clip)['temporal'] - expert(other)['temporal']).abs().amax(-1)[0]
    assert (change > 0).tolist() == [False, bool(mix), bool(mix), True]  # two blocks reach two frames


def test_blocks_that_mix():
    expert = build(mix_blocks=[1], per_frame=True)
    clip = torch.randn(1, 3, 4, 32, 32)
    other = clip.clone()
    other[:, :, 3] += 1
    change = (expert(clip)['temporal'] - expert(other)['temporal']).abs().amax(-1)[0]
    assert (change > 1e-6).tolist() == [False, False, True, True]


def test_summary_tokens():
    """The mean patch of each frame is a further key and value of all frames."""
    expert = build(summary_token=True, mix=())
    n = expert.embed(torch.randn(1, 3, 4, 32, 32))
    block = expert.blocks[0]
    q, k, v = (n.data @ block.attn.qkv.weight.T + block.attn.qkv.bias).chunk(3, -1)
    keys, values = (torch.cat([x[0, 2], x[0, :, 1:].mean(1)]) for x in (k, v))
    heads = [F.scaled_dot_product_attention(q[0, 2][:, part], keys[:, part], values[:, part])
             for part in (slice(0, 6), slice(6, 12))]
    ours = expert.self_attention(expert.parts(0).attn, n)[0, 2]
    torch.testing.assert_close(ours, block.attn.proj(torch.cat(heads, -1)))


def test_the_table_over_time_repeats():
    expert = build(time_entries=2)
    table = expert.tower.temp_embed.data
    x = expert.embed(torch.zeros(1, 3, 4, 32, 32)).data
    torch.testing.assert_close(x[0, 1] - x[0, 0], (table[0, 1] - table[0, 0]).expand(5, -1))
    torch.testing.assert_close(x[0, 2], x[0, 0])
    assert not XViTExpert(**SMALL).tower.temp_embed.any()  # a new one starts at zero


def test_without_mixing_it_is_timms():
    expert = build(mix=(), per_frame=True)
    expert.tower.temp_embed.data.zero_()
    clip = torch.randn(2, 3, 4, 32, 32)
    theirs = timm.create_model('vit_base_patch16_224', num_classes=0, img_size=32, **SIZE).eval()
    state = expert.tower.state_dict()
    del state['temp_embed']
    theirs.load_state_dict(state)
    torch.testing.assert_close(expert(clip)['temporal'][1], theirs(clip[1].transpose(0, 1)))


@pytest.mark.parametrize('given, own, fits', [(8, 8, True), (16, 16, True), (8, 16, True), (16, 8, False)])
def test_files_of_the_authors(tmp_path, given, own, fits):
    source = build(time_entries=given)
    state = {f'base_model.{k}': v for k, v in source.tower.state_dict().items()}
    state |= {'consensus.cls_token': torch.zeros(1, 1, 12), 'new_fc.weight': torch.zeros(3, 12)}
    torch.save({'model_state': state, 'epoch': 3}, tmp_path / 'xvit.pth')
    expert = XViTExpert(**SMALL, time_entries=own, checkpoint=str(tmp_path / 'xvit.pth')).eval()
    if not fits:
        with pytest.raises(InputError, match='xvit.pth does not fit .*temp_embed'):
            expert.load_checkpoint()
        return
    expert.load_checkpoint()
    clip = torch.randn(1, 3, 20, 32, 32)
    torch.testing.assert_close(expert(clip), source(clip))


def test_files_of_image_models(tmp_path):
    theirs = timm.create_model('vit_base_patch16_224', num_classes=5, img_size=48, **SIZE)
    torch.save(theirs.state_dict(), tmp_path / 'vit.pth')
    expert = XViTExpert(**SMALL, checkpoint=str(tmp_path / 'vit.pth'))
    expert.tower.temp_embed.data.fill_(1)
    expert.load_checkpoint()
    assert torch.equal(expert.tower.blocks[1].attn.qkv.weight, theirs.blocks[1].attn.qkv.weight)
    assert expert.tower.pos_embed.shape == (1, 5, 12) and not expert.tower.temp_embed.any()


@pytest.mark.parametrize('options, message', [
    (dict(mix=('query', )), "may have 'x', 'key' and 'value'"), (dict(mix_ratio=1.5), r'must be in \[0, 1\]'),
    (dict(segment=0), 'segment=0 .* integers from 1'), (dict(mix_blocks=[2]), 'numbered 0 to 1'),
    (dict(segment=3.), 'segment=3.0 .* integers'), (dict(shifts=(1.5, )), r'shifts=\(1.5,\) integers'),
    (dict(mix_ratio=0.1), 'of 12 channels is less than one for each of 2 shifts'),
    (dict(summary_token=True, window='time'), "window='space' only, not 'time'"),
    (dict(model_name='eva02_base_patch16_clip_224'), 'no plain attention')])
def test_arguments_that_do_not_fit(options, message):
    with pytest.raises(InputError, match=message):
        XViTExpert(**{**SMALL, **options})


def test_single_values_are_lists_of_one():
    expert = XViTExpert(**SMALL, mix='key', shifts=1, mix_blocks=0)
    assert (expert.mix, expert.shifts, expert.mix_blocks) == ({'key'}, (1, ), {0})


@pytest.mark.parametrize('num_layers', [0, 1])
def test_the_head_asks_for_features_by_frame(num_layers):
    head = MODELS.build(dict(HEAD, num_layers=num_layers))
    with pytest.raises(InputError, match=r'for each frame, .* got \(12, 12\); set per_frame=True'):
        head(torch.zeros(12, 12))
    with pytest.raises(InputError, match='in_channels=12 cannot be divided among num_heads=5'):
        MODELS.build(dict(HEAD, num_heads=5))
    assert MODELS.build(dict(HEAD, num_heads=5, num_layers=0)).loss_cls  # nothing is divided


def test_an_xvit_of_ours_becomes_an_expert(tmp_path):
    backbone = dict(type='XViTExpert', **SMALL)
    whole = MODELS.build(dict(type='CASTRecognizer', backbone=backbone, cls_head=HEAD))
    torch.nn.init.normal_(whole.backbone.tower.temp_embed)
    torch.save(dict(state_dict=whole.state_dict()), tmp_path / 'whole.pth')
    expert = XViTExpert(**SMALL, checkpoint=str(tmp_path / 'whole.pth'))
    expert.load_checkpoint()
    trained = whole.backbone.tower.state_dict()
    assert all(torch.equal(p, trained[name]) for name, p in expert.tower.state_dict().items())


def test_back_to_the_releases_file(tmp_path):
    """Under its key, and only what its program has."""
    tool = load_tool('convert/release_checkpoint.py')
    model = dict(type='CASTRecognizer', backbone=dict(type='XViTExpert', **SMALL), cls_head=HEAD)
    for name, head in (('one', HEAD), ('tasks', TASKS), ('mean', dict(HEAD, num_layers=0))):
        state = MODELS.build({**model, 'cls_head': head}).state_dict()
        torch.save(dict(state_dict=state), tmp_path / name)
    tool.convert(str(tmp_path / 'one'), str(tmp_path / 'out'), reverse=True)
    assert list(torch.load(tmp_path / 'out')) == ['model_state']
    for name in ('tasks', 'mean'):
        with pytest.raises(InputError, match='as a checkpoint of X-ViT, .* unknown: cls_head.fc_cls'):
            tool.convert(str(tmp_path / name), str(tmp_path / 'out'), reverse=True)


HEAD = dict(type='XViTHead', num_classes=5, in_channels=12, num_heads=2)
TASKS = dict(type='XViTTaskHead', num_classes=dict(verb=3, noun=4), in_channels=12, num_heads=2)


def recognizer(head, **expert):
    backbone = dict(type='XViTExpert', frozen=False, **SMALL, **expert)
    return dict(type='CASTRecognizer', backbone=backbone, cls_head=head)


@pytest.mark.parametrize('layers', [0, 1, 3])
@pytest.mark.parametrize('head', [HEAD, TASKS], ids=['label', 'tasks'])
def test_every_parameter_learns(layers, head):
    model = randomised(recognizer({**head, 'num_layers': layers})).train()
    samples = [ActionDataSample() for _ in range(2)]
    for sample in samples:
        sample.set_field(dict(verb=1, noun=2) if head is TASKS else torch.tensor([2]), 'gt_label')
    losses = model(torch.randn(2, 1, 3, 4, 32, 32), samples, mode='loss')
    model.parse_losses(losses)[0].backward()
    assert not [name for name, p in model.named_parameters() if p.grad is None]
    assert model._ddp_params_and_buffers_to_ignore == []


def test_no_layers_are_the_mean_and_a_linear_layer():
    model = randomised(recognizer({**HEAD, 'num_layers': 0}))
    frames = torch.randn(2, 4, 12)
    torch.testing.assert_close(model.cls_head(frames), model.cls_head.fc_cls(frames.mean(1)))
    assert isinstance(model.cls_head.fc_cls, torch.nn.Linear)


def test_in_mmaction2s_own_recognizer():
    """Recognizer3D and its heads know no names of features."""
    model = randomised(recognizer(HEAD))
    host = MODELS.build(dict(
        type='Recognizer3D', backbone=dict(type='XViTExpert', as_tensor=True, per_frame=True, **SMALL),
        cls_head=HEAD, data_preprocessor=dict(type='ActionDataPreprocessor'))).eval()
    host.load_state_dict(model.state_dict())
    clip = torch.randn(2, 3, 4, 32, 32)
    scores = model.cls_head(model.backbone(clip))
    torch.testing.assert_close(host(clip[:, None], stage='head', mode='tensor'), scores)


def test_beside_clip_in_cast():
    """On the same frames, each normalised its own way."""
    block = dict(img_size=32, num_frames=4)
    cfg = dict(
        type='CASTRecognizer',
        backbone=dict(
            type='MultiExpertViT',
            experts=dict(
                spatial=dict(type='CLIPExpert', embed_dims=16, depth=2, num_heads=2, tubelet_size=1, **block),
                temporal=dict(**{**SMALL, 'adapter_ratio': 0.25}, type='XViTExpert',
                              normalize=dict(mean=[127.5] * 3, std=[127.5] * 3))),
            exchanges=dict(b_cast=dict(type='BCAST', receivers=dict(spatial='time', temporal='space'),
                                       bottleneck_dims=8, num_heads=2))),
        cls_head=dict(type='MultiTaskHead', num_classes=dict(verb=3, noun=4),
                      in_channels=dict(spatial=16, temporal=12)),
        data_preprocessor=dict(type='ActionDataPreprocessor', mean=[123.675, 116.28, 103.53],
                               std=[58.395, 57.12, 57.375], format_shape='NCTHW'))
    model = randomised(cfg)
    learned = {name for name, p in model.named_parameters() if p.requires_grad}
    assert not any('temporal.tower' in name and '.norm.' not in name for name in learned)
    pixels = torch.randint(256, (1, 3, 4, 32, 32)).float()
    mean, std = (torch.tensor(cfg['data_preprocessor'][key]).view(3, 1, 1, 1) for key in ('mean', 'std'))
    seen = []
    model.backbone.experts['temporal'].tower.patch_embed.register_forward_pre_hook(
        lambda module, inputs: seen.append(inputs[0]))
    features = model.backbone((pixels - mean) / std)
    assert {name: tuple(f.shape) for name, f in features.items()} == {'spatial': (1, 16), 'temporal': (1, 12)}
    torch.testing.assert_close(seen[0], (pixels[0].transpose(0, 1) - 127.5) / 127.5, rtol=0, atol=1e-5)


def test_converter(tmp_path):
    tool = load_tool('convert/release_checkpoint.py')
    model = randomised(recognizer(HEAD))
    src, dst, back = (str(tmp_path / f'{name}.pth') for name in ('src', 'dst', 'back'))
    torch.save(model.state_dict(), src)  # bare
    tool.convert(src, dst, reverse=True)
    theirs = torch.load(dst, weights_only=True)['model_state']
    assert {key.split('.')[0] for key in theirs} == {'base_model', 'consensus'}
    torch.save({'model_state': {**theirs, 'new_fc.bias': torch.zeros(5)}}, src)
    tool.convert(src, dst)
    model.load_state_dict(torch.load(dst, weights_only=True)['state_dict'], strict=True)
    tool.convert(dst, back, reverse=True)
    again = torch.load(back, weights_only=True)['model_state']
    assert again.keys() == theirs.keys() and all(torch.equal(again[k], v) for k, v in theirs.items())
