"""Recorded attention weights: they sum to 1, and rebuild what the models compute."""
import pytest
import torch
import torch.nn.functional as F
from conftest import randomised
from einops import rearrange

from mmaction.registry import MODELS
from projects.cast.models import (
    WINDOWS,
    AIMExpert,
    ASTExpert,
    CLIPExpert,
    Exchange,
    TimmExpert,
    VideoMAEExpert,
    XViTExpert,
    between_frames,
    exchange_blocks,
    received,
    record_attention,
    set_plain,
)
from projects.cast.models.layers import efficient
from projects.cast.utils import InputError

SIZE = dict(img_size=32, num_frames=6, embed_dims=24, depth=2, num_heads=2)
TIMM = dict(img_size=32, num_frames=6, model_kwargs=dict(embed_dim=24, depth=2, num_heads=2))
BOTH = dict(spatial='time', temporal='space')
WHOLE = dict(spatial='space-time', temporal='space-time')
SUMS = {  # of the weights in their form, over values in the layout (B, heads, T, S, d)
    'time': 'b h s t u, b h u s d -> b h t s d', 'space': 'b h t s r, b h t r d -> b h t s d',
    'space-time': 'b h t s u r, b h u r d -> b h t s d'}


def cast(receivers=BOTH, exchange='BCAST', **spatial):
    """CLIP and VideoMAE with an exchange, with random values also where training starts from zero."""
    bottleneck = dict(bottleneck_dims=16) if exchange == 'BCAST' else {}
    return randomised(dict(
        type='MultiExpertViT',
        experts=dict(spatial=dict(type='CLIPExpert', **{**SIZE, **spatial}),
                     temporal=dict(type='VideoMAEExpert', **SIZE)),
        exchanges=dict(ex=dict(type=exchange, receivers=receivers, num_heads=2, **bottleneck))))


def attend(recorded, values):
    """Weights times values ``(B, T, S, D)``, merged over heads."""
    v = rearrange(values, 'b t s (h d) -> b h t s d', h=recorded.weights.shape[1])
    return rearrange(torch.einsum(SUMS[recorded.window], recorded.weights, v), 'b h t s d -> b t s (h d)')


def assert_sums_to_one(recorded):
    axes = (-1, -2) if recorded.window == 'space-time' else -1
    sums = recorded.weights.sum(axes)
    torch.testing.assert_close(sums, torch.ones_like(sums), rtol=0, atol=1e-5)


@pytest.mark.parametrize('exchange', ['BCAST', 'FullWidthCrossAttention'])
@pytest.mark.parametrize('receivers, spatial', [
    (BOTH, {}), (dict(spatial='space', temporal='time'), {}), (WHOLE, {}),
    (WHOLE, dict(num_frames=4, tubelet_size=1, img_size=48))], ids=['cast', 'swapped', 'whole', 'other grid'])
@torch.no_grad()
def test_weights_rebuild_what_an_exchange_adds(exchange, receivers, spatial):
    model, ran = cast(receivers, exchange, **spatial), {}
    for m in model.modules():
        m.register_forward_hook(lambda m, inputs, out: ran.update({m: (inputs, out)}))
    x = {n: e.embed(torch.randn(2, 3, *e.native_size)) for n, e in model.experts.items()}
    with record_attention(model) as found:
        model.block(0, x)
    found = {a.asking: a for a in found if a.exchange == 'ex'}
    added = ran[model.exchanges[0]['ex']][1]
    assert found.keys() == {'spatial', 'temporal'}
    for r, a in found.items():
        assert (a.block, a.asked, a.window) == (0, {*found}.difference([r]).pop(), receivers[r])
        assert a.grid == model.experts[a.asked].grid and a.num_prefix == 0
        assert_sums_to_one(a)
        ex = model.exchanges[0]['ex']
        cross = ex.attn[r]
        (query, context), _ = ran[cross]
        v = cross.project(cross.kv, context, 'context_pos').chunk(2, -1)[1]
        phi = cross.proj(attend(a, v))
        if exchange == 'BCAST':
            phi = ex.up[r](F.gelu(torch.cat([query.prefix, phi], 2)))
        else:
            phi = F.pad(phi, (0, 0, 1 if r == 'spatial' else 0, 0))
        assert phi.std() > 1e-2
        torch.testing.assert_close(phi, added[r], rtol=1e-5, atol=1e-5)


EXPERTS = {
    'clip': (CLIPExpert, SIZE), 'clip over the clip': (CLIPExpert, dict(SIZE, window='space-time')),
    'videomae': (VideoMAEExpert, SIZE), 'videomae along time': (VideoMAEExpert, dict(SIZE, window='time')),
    'aim': (AIMExpert, SIZE),
    'ast': (ASTExpert, dict(num_rows=64, num_mel_bins=32, embed_dims=24, depth=2, num_heads=2)),
    'timm': (TimmExpert, dict(TIMM, model_name='deit_small_distilled_patch16_224')),
    'timm over the clip': (TimmExpert, dict(TIMM, model_name='vit_base_patch16_224', window='space-time')),
    'eva': (TimmExpert, dict(TIMM, model_name='eva02_base_patch16_clip_224')),
    'xvit': (XViTExpert, dict(TIMM, model_name='vit_base_patch16_224')),
    'xvit with summary': (XViTExpert, dict(TIMM, model_name='vit_base_patch16_224', summary_token=True)),
}


@pytest.mark.parametrize('case', EXPERTS)
@torch.no_grad()
def test_weights_rebuild_an_experts_own_attention(case, monkeypatch):
    cls, kwargs = EXPERTS[case]
    torch.manual_seed(0)
    expert, values, attended, fused = cls(**kwargs).eval(), [], [], F.scaled_dot_product_attention
    for p in expert.parameters():
        torch.nn.init.normal_(p, std=0.2)

    def keep(q, k, v, *args, **kwargs):
        values.append(v)
        return fused(q, k, v, *args, **kwargs)

    keep.__name__ = 'scaled_dot_product_attention'
    clip = torch.randn(2, *expert.input_shape())
    outside = expert(clip)
    attn = next(m for name, m in expert.named_modules() if name.endswith('s.1.attn'))
    proj = getattr(attn, 'out_proj', None) or attn.proj
    proj.register_forward_hook(lambda m, inputs, out: attended.append((inputs[0], out)))
    with record_attention(expert, blocks=[1]) as found:
        monkeypatch.setattr(F, 'scaled_dot_product_attention', torch.overrides.wrap_torch_function(
            lambda q, k, v, *args, **kwargs: (q, k, v))(keep))
        inside = expert(clip)
    assert all(torch.equal(outside[name], inside[name]) for name in outside)
    assert len(found) == (2 if case == 'aim' else 1)
    for a, v, (merged, result) in zip(found, values[-len(found):], attended):
        assert (a.block, a.exchange, a.asking, a.asked) == (1, None, expert.name, expert.name)
        assert (a.grid, a.num_prefix) == (expert.grid, expert.num_prefix)
        assert_sums_to_one(a)
        t, fold = expert.grid[0], WINDOWS[a.window].heads
        v = rearrange(v, f'{fold} -> b t s (h d)', b=2, **({} if a.window == 'time' else dict(t=t)))
        rebuilt = attend(a, v)
        if merged.dim() == 3:  # timm's own
            rebuilt = getattr(attn, 'norm', torch.nn.Identity())(
                rearrange(rebuilt, f'b t s d -> {WINDOWS[a.window].fold}'))
        torch.testing.assert_close(proj(rebuilt), result, rtol=1e-5, atol=1e-5)
    assert [a.window for a in found] == (['time', 'space'] if case == 'aim' else [expert.window])


@pytest.mark.parametrize('way', ['fused', 'plain', 'head by head'])
@torch.no_grad()
def test_every_way_to_compute_attention(way, monkeypatch):
    model = cast()
    clip = torch.randn(2, 3, 6, 32, 32)
    with record_attention(model) as expected:
        model(clip)
    set_plain(model, way == 'plain')
    if way == 'head by head':
        monkeypatch.setattr(efficient, 'prefers_by_head', lambda: True)
        model.bfloat16()
    outside = model(clip)
    with record_attention(model) as found:
        inside = model(clip)
    assert all(torch.equal(outside[name], inside[name]) for name in outside)
    found = [a for a in found if (a.block, a.asking) != (1, 'spatial') or not a.exchange]  # plain computes it
    assert [a[:5] for a in found] == [a[:5] for a in expected] and len(found) == 7
    for a, b in zip(found, expected):
        tolerance = 0.2 if way == 'head by head' else 1e-5
        torch.testing.assert_close(a.weights, b.weights, rtol=0, atol=tolerance)


def test_nothing_is_left_behind():
    """After an error, too; what trained before trains as before."""
    model, clip = cast(), torch.randn(1, 3, 6, 32, 32)
    before = {m: set(vars(m)) for m in model.modules()}
    with pytest.raises(InputError), record_attention(model) as found:
        model(clip[:, :, :5])
    assert not found and {m: set(vars(m)) for m in model.modules()} == before
    with record_attention(model, blocks=[0]) as found:
        sum(f.sum() for f in model(clip).values()).backward()
    assert {a.block for a in found} == {0} and len(found) == 4
    gradients = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    model.zero_grad()
    sum(f.sum() for f in model(clip).values()).backward()
    assert len(found) == 4 and {m: set(vars(m)) for m in model.modules()} == before
    again = [p.grad for p in model.parameters() if p.grad is not None]
    assert all(torch.equal(a, b) for a, b in zip(gradients, again))


@torch.no_grad()
def test_blocks_with_an_exchange():
    model = cast()
    assert exchange_blocks(model) == [0, 1] and exchange_blocks(model.experts['spatial']) == []
    lateral = MODELS.build(dict(
        type='MultiExpertViT', exchanges=dict(ex=dict(type='Lateral')),
        experts=dict(spatial=dict(type='CLIPExpert', **SIZE), temporal=dict(type='VideoMAEExpert', **SIZE))))
    assert isinstance(lateral.exchanges[0]['ex'], Exchange) and exchange_blocks(lateral) == []
    with record_attention(lateral) as found:
        lateral(torch.randn(1, 3, 6, 32, 32))
    assert len(found) == 4 and not any(a.exchange for a in found)


@pytest.mark.parametrize('receivers', [BOTH, WHOLE], ids=['cast', 'whole'])
@torch.no_grad()
def test_what_patches_and_frames_receive(receivers):
    model = cast(receivers)
    with record_attention(model, blocks=[0]) as found:
        model(torch.randn(2, 3, 6, 32, 32))
    for a in found:
        mass = received(a)
        assert mass.shape == (2, 3, 4)
        whole = mass.sum({'time': 1, 'space': 2, 'space-time': (1, 2)}[a.window])
        if a.num_prefix:  # the rest goes to the class tokens
            assert whole.max() < 1 and mass.min() > 0
        else:
            torch.testing.assert_close(whole, torch.ones_like(whole))
        if a.window == 'space':
            with pytest.raises(InputError, match='does not look along time'):
                between_frames(a)
            torch.testing.assert_close(mass[1, 2, 3], a.weights[1, :, 2, :, 3 + a.num_prefix].mean())
            continue
        frames = between_frames(a)
        torch.testing.assert_close(frames.sum(2), torch.ones(2, 3))
        if not a.num_prefix:
            each = mass.mean(2) if a.window == 'time' else mass.sum(2)
            torch.testing.assert_close(frames.mean(1), each)
        if a.window == 'time':
            torch.testing.assert_close(mass[1, 2, 3], a.weights[1, :, 3, :, 2].mean())
            torch.testing.assert_close(frames[1, 0, 2], a.weights[1, :, :, 0, 2].mean())
        else:
            torch.testing.assert_close(mass[1, 2, 3], a.weights[1, ..., 2, 3].mean())


def test_all_experts_are_tested():
    ours = {cls for cls in MODELS.module_dict.values() if 'cast.models.experts' in cls.__module__}
    assert ours == {cls for cls, _ in EXPERTS.values()}
