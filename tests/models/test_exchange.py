import pytest
import torch

from projects.cast.models import BCAST, Tokens

GRIDS = dict(spatial=(4, 3, 3), temporal=(4, 3, 3))
BOTH = dict(spatial='time', temporal='space')


def build(windows=BOTH, grids=GRIDS, dims=None):
    torch.manual_seed(0)
    exchange = BCAST(dims or dict(spatial=16, temporal=24), grids, windows, bottleneck_dims=8, num_heads=2)
    for p in exchange.parameters():
        torch.nn.init.normal_(p)
    return exchange


def streams(grids=GRIDS):
    torch.manual_seed(1)
    return {name: Tokens(torch.randn(2, grid[0], p + grid[1] * grid[2], width), grid, p)
            for (name, grid), p, width in zip(grids.items(), (1, 0), (16, 24))}


def test_starts_as_nothing():
    exchange = BCAST(dict(spatial=16, temporal=24), GRIDS, BOTH, bottleneck_dims=8, num_heads=2)
    assert all(not phi.any() for phi in exchange(streams()).values())


def test_unequal_widths_and_windows():
    x, exchange = streams(), build()
    phi = exchange(x)
    assert phi['spatial'].shape == (2, 4, 10, 16) and phi['temporal'].shape == (2, 4, 9, 24)

    moved = x['temporal'].data.clone()
    moved[:, :, 5] += 1  # T2S is along time: location 5 of every frame changes, and nothing else
    changed = exchange({**x, 'temporal': x['temporal'].replace(moved)})['spatial'] - phi['spatial']
    assert set(changed.abs().sum((0, 1, 3)).nonzero().flatten().tolist()) == {6}  # behind the class token

    moved = x['spatial'].data.clone()
    moved[:, 2, 1:] += torch.randn(16)  # S2T is along space: frame 2 changes, and nothing else
    changed = exchange({**x, 'spatial': x['spatial'].replace(moved)})['temporal'] - phi['temporal']
    assert set(changed.abs().sum((0, 2, 3)).nonzero().flatten().tolist()) == {2}


def test_class_token_bypasses():
    x, exchange = streams(), build()
    cls = exchange.norm['spatial'](exchange.down['spatial'](x['spatial'].prefix))
    expected = exchange.up['spatial'](torch.nn.functional.gelu(cls))
    torch.testing.assert_close(exchange(x)['spatial'][:, :, :1], expected)
    torch.testing.assert_close(exchange(x, unread=('spatial', ))['spatial'], expected)


def test_one_way():
    exchange = build(dict(spatial='time'))
    assert exchange(streams()).keys() == {'spatial'}
    exchange(streams(), unread=('spatial', ))['spatial'].sum().backward()
    assert {n for n, p in exchange.named_parameters() if p.grad is not None} == {
        f'{part}.spatial.{p}' for part in ('down', 'norm', 'up') for p in ('weight', 'bias')}


def test_grids_must_fit_the_window():
    grids = dict(spatial=(8, 3, 3), temporal=(4, 3, 3))
    with pytest.raises(ValueError, match="space window needs equal T, got 4 and 8; use 'space-time'"):
        build(grids=grids)
    grids = dict(spatial=(4, 3, 3), temporal=(4, 2, 3))
    with pytest.raises(ValueError, match='time window needs equal HxW, got 3x3 and 2x3'):
        build(grids=grids)
    free = build(dict(spatial='space-time', temporal='space-time'), grids)
    phi = free(streams(grids))
    assert phi['spatial'].shape == (2, 4, 10, 16) and phi['temporal'].shape == (2, 4, 6, 24)


def test_bad_receivers_and_heads():
    with pytest.raises(ValueError, match='choose one or both'):
        build(dict(audio='time'))
    with pytest.raises(ValueError, match='does not divide'):
        BCAST(dict(a=8, b=8), dict(a=(1, 1, 1), b=(1, 1, 1)), dict(a='time'), 10, 4)
    with pytest.raises(ValueError, match='unknown window'):
        build(dict(spatial='tim'))
