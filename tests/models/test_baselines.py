"""The simpler exchanges and heads, by hand."""
import pytest
import torch
from conftest import build_tiny, tiny_config
from torch.nn.functional import gelu, layer_norm

from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from projects.cast.models.layers import Tokens

DIMS, GRIDS = dict(a=8, b=12), dict(a=(2, 2, 2), b=(2, 2, 2))


def streams():
    torch.manual_seed(0)
    a, b = torch.randn(2, 2, 5, 8), torch.randn(2, 2, 4, 12)
    return dict(a=Tokens(a, GRIDS['a'], 1), b=Tokens(b, GRIDS['b']))


def exchange(**cfg):
    module = MODELS.build(dict(embed_dims=DIMS, grids=GRIDS, **cfg))
    for p in module.parameters():
        torch.nn.init.normal_(p, std=0.5)
    return module


def test_lateral():
    module, x = exchange(type='Lateral'), streams()
    phi = module(x)
    torch.testing.assert_close(phi['a'][:, :, 1:], module.proj.a(x['b'].data))
    assert not phi['a'][:, :, :1].any()  # class tokens get nothing
    torch.testing.assert_close(phi['b'], module.proj.b(x['a'].patches))
    assert set(module(x, unread=('a', ))) == {'b'}
    with pytest.raises(ValueError, match='lateral connection needs equal grids'):
        MODELS.build(dict(type='Lateral', embed_dims=DIMS, grids=dict(a=(2, 2, 2), b=(4, 2, 2))))


@pytest.mark.parametrize('adapter', [False, True])
def test_plain_cross_attention(adapter):
    windows = dict(a='time', b='space')
    module, x = exchange(type='PlainCrossAttention', windows=windows, num_heads=1, adapter=adapter), streams()
    phi = module(x)
    # receiver a at location s of sample 0: attend over the two frames of b
    s, cross = 3, module.attn.a
    n = {k: layer_norm(t.patches, (DIMS[k], ), module.norm[k].weight, module.norm[k].bias, 1e-6)
         for k, t in x.items()}
    q = cross.q(n['a'][0, :, s] + cross.query_pos)
    k, v = cross.kv(n['b'][0, :, s] + cross.context_pos).chunk(2, -1)
    a = cross.proj(((q @ k.T) * 8**-0.5).softmax(-1) @ v)
    if adapter:
        a = module.adapter.a.up(gelu(module.adapter.a.down(a)))
    torch.testing.assert_close(phi['a'][0, :, 1 + s], a)
    assert not phi['a'][:, :, :1].any() and phi['b'].shape == (2, 2, 4, 12)


def test_adapter_only():
    module, x = exchange(type='AdapterOnly', receivers=('a', )), streams()
    phi = module(x)
    assert set(phi) == {'a'}
    torch.testing.assert_close(phi['a'], module.adapter.a(x['a'].data))
    torch.testing.assert_close(module(x, unread=('a', ))['a'], phi['a'][:, :, :1])


@pytest.mark.parametrize('cfg', [
    dict(type='Lateral', receivers=('c', )), dict(type='AdapterOnly', receivers=()),
    dict(type='PlainCrossAttention', windows=dict(c='time')), dict(type='BCAST', windows=dict(c='time'))])
def test_unknown_receivers(cfg):
    with pytest.raises(ValueError, match=r"receivers of an exchange .* choose one or both of \['a', 'b'\]"):
        MODELS.build(dict(embed_dims=DIMS, grids=GRIDS, **cfg))


def test_no_position_tables():
    names = {k for k, _ in exchange(
        type='BCAST', windows=dict(a='time', b='space'), bottleneck_dims=4, num_heads=2,
        positions=False).named_parameters()}
    assert names and not any('pos' in name for name in names)


@pytest.mark.parametrize('exchange', [
    dict(type='Lateral'),
    dict(type='PlainCrossAttention', windows=dict(spatial='time', temporal='space'), num_heads=4)])
def test_they_start_as_nothing(exchange):
    """A new model computes what its experts do, as with B-CAST."""
    cfg = tiny_config()
    cfg['backbone']['exchanges'] = dict(b_cast=exchange)
    torch.manual_seed(0)
    model = MODELS.build(cfg['backbone']).eval()
    clip = torch.randn(1, 3, 4, 64, 64)
    cfg['backbone']['exchanges'] = dict()
    alone = MODELS.build(cfg['backbone']).eval()
    alone.load_state_dict({k: v for k, v in model.state_dict().items() if not k.startswith('exchanges')})
    if exchange['type'] == 'Lateral':  # grids of the input, not only the native ones
        assert model(clip)['spatial'].shape == (1, 48)
    for name, feature in alone(clip).items():
        torch.testing.assert_close(model(clip)[name], feature)


@pytest.mark.parametrize('fusion', ['add', 'concat'])
def test_late_fusion(fusion):
    both = ('spatial', 'temporal')
    head = build_tiny(head=dict(
        type='VerbNounHead', in_channels=48, experts=dict(verb=both, noun=both), fusion=fusion)).cls_head
    x = {name: torch.randn(2, 48) for name in both}
    z = x['spatial'] + x['temporal'] if fusion == 'add' else torch.cat([x['spatial'], x['temporal']], 1)
    torch.testing.assert_close(head(x)['verb'], head.fc_cls.verb(z))
    with pytest.raises(ValueError, match="unknown fusion 'mean'; choose 'add' or 'concat'"):
        MODELS.build(dict(type='VerbNounHead', fusion='mean'))


def test_heads_on_unequal_widths():
    x = dict(spatial=torch.randn(2, 8), temporal=torch.randn(2, 12))
    widths = dict(spatial=8, temporal=12)
    scores = MODELS.build(dict(type='VerbNounHead', in_channels=widths))(x)
    assert scores['verb'].shape == (2, 97) and scores['noun'].shape == (2, 300)
    assert MODELS.build(dict(type='FusedHead', num_classes=5, in_channels=widths))(x).shape == (2, 5)


def test_ensemble():
    head = build_tiny(head=dict(type='EnsembleVerbNounHead', in_channels=48, label_smooth_eps=0.1)).cls_head
    x = {name: torch.randn(2, 48) for name in ('spatial', 'temporal')}
    p = [head.members[e].fc_cls.verb(x[e]).softmax(-1) for e in x]
    torch.testing.assert_close(head(x)['verb'].softmax(-1), (p[0] + p[1]) / 2)
    samples = [ActionDataSample().set_gt_label([1, 2]) for _ in range(2)]
    losses = head.loss(x, samples)
    for e, member in head.members.items():
        torch.testing.assert_close(losses[f'{e}_loss_noun'], member.loss(x, samples)['loss_noun'])
    predictions = head.predict(x, [ActionDataSample() for _ in range(2)])
    assert predictions[0].pred_score.keys() == {'verb', 'noun'}
