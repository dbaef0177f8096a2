"""The pictures of attention: of a real video, of what is known by hand, and errors."""
import sys

import av
import cv2
import numpy as np
import pytest
import torch
from conftest import MINI, ROOT, load_tool

from projects.cast.models import AttentionWeights
from projects.cast.utils import InputError

TOOL = load_tool('analysis/plot_attention.py')
NO_EXCHANGE = ROOT / 'configs/xvit/mini/xvit_mini_orderless.py'


@pytest.fixture
def plot(monkeypatch, mini_root, tmp_path):
    """Runs the tool with random weights on the first video."""
    def plot(*options, config=MINI, video=mini_root / 'P01/videos/P01_01.mp4'):
        monkeypatch.setattr(sys, 'argv', ['plot_attention.py', *map(str, (
            config, 'none', video, '--out', tmp_path / 'out', '--device', 'cpu', *options))])
        TOOL.main()
        return tmp_path / 'out'
    return plot


def test_the_files(plot, capsys):
    out = plot('--start', 1, '--stop', 3, '--block', 2, 1)
    assert sorted(p.name for p in out.iterdir()) == [
        f'attention_block{n}.{kind}' for n in (1, 2) for kind in ('mp4', 'png')]
    first, second = (line for line in capsys.readouterr().out.splitlines() if line.startswith(str(out)))
    own = '; '.join(f'{name} over {window}: the expert asks its own frames'
                    for name, window in (('spatial', 'space'), ('temporal', 'space and time')))
    s2t = f'S2T over space: the temporal expert asks the spatial one; {own}'
    assert first.endswith(f': T2S over time: the spatial expert asks the temporal one; {s2t}')
    assert second.endswith(f'.mp4: {s2t}')  # nothing reads the patches that would ask in T2S
    assert cv2.imread(str(out / 'attention_block1.png')).std() > 20
    for n, panels in ((1, 5), (2, 4)):
        with av.open(str(out / f'attention_block{n}.mp4')) as file:
            frames = [frame.to_ndarray(format='rgb24') for frame in file.decode(video=0)]
        assert len(frames) == 8 and frames[0].shape == (250, 224 * panels, 3)


def test_the_default_block_is_one_with_both_directions(plot):
    assert {p.name for p in plot().iterdir()} == {'attention_block1.png', 'attention_block1.mp4'}


@pytest.mark.parametrize('options, message', [
    (['--block', '3'], r'--block 3: of the 2 blocks of .*mini-kitchens-rgb.py, .* 1, 2; choose among them'),
    (['--view', '2'], '--view 2: the test pipeline gives 2 views of a video, counted from 0;'),
    (['--start', '1'], '--start 1.0 --stop None: a segment needs both'),
    (['--start', '2', '--stop', '1'], '--start 2.0 --stop 1.0: .* starts before it stops'),
    (['--start', '900', '--stop', '901'], 'P01_01.mp4: has .* but the segment is from 900.00 to 901.00 s')])
def test_wrong_options(plot, options, message):
    with pytest.raises(InputError, match=message):
        plot(*options)


def test_a_model_without_exchange_and_no_video(plot):
    with pytest.raises(InputError, match='xvit_mini_orderless.py: its XViTExpert has no exchange'):
        plot(config=NO_EXCHANGE)
    with pytest.raises(InputError, match='lost.mp4: no such video'):
        plot(video='lost.mp4')


def test_maps_by_hand():
    """All weight of the first frame goes to the second one; the other frame asks evenly."""
    weights = torch.full((1, 1, 4, 2, 2), 0.5)
    weights[:, :, :, 0] = torch.tensor([0., 1.])
    t2s = TOOL.as_map(AttentionWeights(0, 'b_cast', 'spatial', 'temporal', 'time', weights, (2, 2, 2), 0))
    np.testing.assert_allclose(t2s.bars, [[0, 1], [0.5, 0.5]])
    np.testing.assert_allclose(t2s.mass, np.full((2, 2, 2), 0.5) + [[[0]], [[1]]])
    weights = torch.full((1, 2, 2, 5, 5), 0.2)  # a class token and 4 patches
    own = TOOL.as_map(AttentionWeights(0, None, 'spatial', 'spatial', 'space', weights, (2, 2, 2), 1))
    assert own.bars is None
    np.testing.assert_allclose(own.mass, np.ones((2, 2, 2)), rtol=1e-6)


def test_colours():
    picture = load_tool('analysis/_attention_picture.py')
    grey = np.full((64, 64, 3), 100, np.uint8)
    image = picture.overlay(grey, np.array([[1., 4.], [0.25, 0.]]), 4.).astype(int)
    even, more, less, none = image[20, 20], image[20, -20], image[-20, 20], image[-20, -20]
    assert abs(even - 100).max() <= 1 and more[0] > more[2] + 50 and less[2] > less[0] + 50
    assert (less == none).all()
    frames = np.arange(8, dtype=np.uint8)[:, None, None, None]
    assert [f.item() for f in picture.tubes(frames, 4)] == [1, 3, 5, 7]
