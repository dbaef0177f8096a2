import pytest
import torch

from projects.cast.models.layers import Tokens, attention, check_window, resize_positions


@pytest.mark.parametrize('window', ['time', 'space', 'space-time'])
def test_attention_sees_its_window_only(window):
    b, t, s, d, heads = 2, 3, 4, 8, 2
    q, k, v = torch.randn(3, b, t, s, d)
    out = attention(q, k, v, heads, window)
    expected = torch.zeros_like(out)
    for bi in range(b):
        for ti in range(t):
            for si in range(s):
                keys = [(a, c) for a in range(t) for c in range(s)
                        if (window != 'space' or a == ti) and (window != 'time' or c == si)]
                rows = torch.stack([k[bi, a, c] for a, c in keys])
                values = torch.stack([v[bi, a, c] for a, c in keys])
                for h in range(heads):
                    part = slice(h * d // heads, (h + 1) * d // heads)
                    weights = (rows[:, part] @ q[bi, ti, si, part] * (d // heads)**-0.5).softmax(0)
                    expected[bi, ti, si, part] = weights @ values[:, part]
    torch.testing.assert_close(out, expected)


def test_unknown_window():
    with pytest.raises(ValueError, match="unknown window 'tim'; choose one of time, space, space-time"):
        check_window('tim')


def test_views():
    tokens = Tokens(torch.arange(2 * 3 * 5).view(1, 2, 5, 3), (2, 2, 2), 1)
    assert tokens.prefix.shape == (1, 2, 1, 3) and tokens.patches.shape == (1, 2, 4, 3)
    assert not tokens.drop_patches().patches.numel()
    assert torch.equal(tokens.drop_patches().prefix, tokens.prefix)


def test_resize_positions():
    table = torch.randn(4, 6, 6, 3)
    assert resize_positions(table, (4, 6, 6)) is table
    assert resize_positions(table, (8, 5, 9)).shape == (8, 5, 9, 3)
    constant = torch.full((2, 4, 4, 1), 0.7)
    torch.testing.assert_close(resize_positions(constant, (6, 7, 3)), torch.full((6, 7, 3, 1), 0.7))
    ramp = torch.arange(4.).view(4, 1, 1, 1)  # linear in time, by hand: centres at (i + .5) / 2 - .5
    torch.testing.assert_close(
        resize_positions(ramp, (8, 1, 1)).flatten(),
        torch.tensor([0., 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.]))
