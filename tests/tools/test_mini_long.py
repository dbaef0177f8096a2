"""Mini kitchens with long actions, and how often timelines are right about them."""
import csv
import json

import numpy as np
import pytest
from conftest import ROOT, load_tool, mini_dict
from decord import VideoReader

from mmaction.registry import DATASETS
from projects.cast.engine import read_config
from projects.cast.utils import InputError

LONG = load_tool('data/mini_kitchens/generate_long.py')
ACCURACY = load_tool('analysis/timeline_accuracy.py')
CONFIG = ROOT / 'configs/cast/mini/cast_mini_1xb32-8x3-15e_mini-long-rgb.py'


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('mini_long')
    LONG.generate(root, train_videos=1, val_videos=1, actions=3, draw_scene=LONG.scene)
    return root


def test_actions_last_four_to_eight_seconds_with_rest_between(root):
    with (root / 'EPIC_100_train.csv').open() as file:
        rows = list(csv.DictReader(file))
    frames = VideoReader(str(root / 'P01/videos/P01_01.mp4'))[:].asnumpy().astype(float)
    changes = np.abs(np.diff(frames, axis=0)).max(-1).reshape(len(frames) - 1, -1)
    moving = (changes > 50).sum(1) > 3
    for row in rows:
        start, stop = int(row['start_frame']) - 1, int(row['stop_frame'])
        assert 48 <= stop - start <= 96
        assert moving[start:stop - 1].mean() > 0.9  # to its end
        assert moving[start - LONG.PAUSE * LONG.FPS:start - 1].mean() < 0.1
    assert int(rows[-1]['stop_frame']) == len(frames)


@pytest.mark.parametrize('verb, way', [('slide-right', (1, 0)), ('lift', (0, -1))])
def test_what_leaves_the_picture_comes_in_again(verb, way):
    centre = np.array([30., 40.])
    steps = np.diff([LONG.place(verb, t, 0.3, centre) for t in np.arange(0, 8, 0.5)], axis=0)
    np.testing.assert_allclose(steps, np.tile(np.array(way) * LONG.REACH / LONG.MOTION / 2, (15, 1)))
    whole, cut = (np.zeros((LONG.SIZE, LONG.SIZE, 3), np.uint8) for _ in range(2))
    LONG.draw_around(whole, 'box', np.array([32., 32.]), 0)
    LONG.draw_around(cut, 'box', np.array([64 + 64., -64.]), 0)
    difference = np.abs(np.roll(cut, (32, 32), (0, 1)).astype(float) - whole)
    assert whole.max() > 150 and difference.max() < 40 and difference.mean() < 0.1  # edges are cut


def test_the_config_reads_two_seconds_of_an_action(root):
    cfg = read_config(CONFIG, mini_dict(root))
    for split in ('train', 'val', 'test'):
        dataset = DATASETS.build(cfg[f'{split}_dataloader'].dataset)
        views = 2 if split == 'test' else 1
        assert dataset[0]['inputs'].shape == (views, 3, 8, 64, 64)
        parts = [t for t in dataset.pipeline.transforms if type(t).__name__ in ('InitVideo', 'DenseClips')]
        results = parts[1](parts[0](dataset.get_data_info(0)))
        inds = results['frame_inds'].reshape(views, 8)
        assert set(np.diff(inds).flatten()) <= {3, 4} and 21 <= np.ptp(inds[0]) <= 23


def second(verb, noun):
    return {'verb': [[verb, 0.9]], 'noun': [[noun, 0.8]], 'action': [[f'{verb} {noun}', 0.7]]}


def write_timeline(folder, source, seconds, window=2.):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'timeline.json').write_text(json.dumps(dict(
        source=str(source), window=window, seconds=seconds)))


NAMES = dict(verb=['cut', 'peel'], noun=['onion', 'leek'])


def test_seconds_count_where_they_are_inside(tmp_path):
    """The middles of four of six seconds are a second away from 0 and 6; three of them are right."""
    seconds = [second('peel', 'leek')] + [second('cut', 'onion')] * 3 + [second('cut', 'leek')] * 2
    write_timeline(tmp_path / 'out/one', tmp_path / 'one.mp4', seconds)
    timelines = ACCURACY.read_timelines(tmp_path / 'out')
    sample = dict(filename=str(tmp_path / 'x/../one.mp4'), gt_label=dict(verb=0, noun=0), start_time=0.,
                  stop_time=6.)
    other = dict(sample, filename='other.mp4')
    count, found = ACCURACY.accuracy(timelines, [sample, other], NAMES)
    assert count == 4 and found == pytest.approx(dict(verb=100., noun=75., all=75.))
    count, found = ACCURACY.accuracy(timelines, [sample], NAMES, margin=0.)
    assert count == 6 and found == pytest.approx(dict(verb=500 / 6, noun=50., all=50.))
    unlabelled = dict(sample, gt_label=dict(verb=-1, noun=-1))
    part = dict(sample, start_time=3., stop_time=6., gt_label=dict(verb=1, noun=1))
    count, found = ACCURACY.accuracy(timelines, [unlabelled, part], NAMES, margin=0.)
    assert count == 3 and found == pytest.approx(dict(verb=0., noun=200 / 3, all=0.))
    with pytest.raises(InputError, match='no second of the 1 timelines, as that of .*one.mp4, is inside'):
        ACCURACY.accuracy(timelines, [other], NAMES)
    with pytest.raises(InputError, match='there is no timeline.json below it'):
        ACCURACY.read_timelines(tmp_path / 'out/two')


def test_one_label_or_several_of_a_whole_video(tmp_path):
    seconds = [{'action': [['run', 0.6]]}, {'action': [['jump', 0.6]]}]
    write_timeline(tmp_path, 'v.mp4', seconds, window=1.)
    timelines = ACCURACY.read_timelines(tmp_path)
    names = dict(action=['run', 'jump'])
    for label, right in ((0, 50.), ([0, 1], 100.)):
        sample = dict(filename='v.mp4', label=label)
        assert ACCURACY.accuracy(timelines, [sample], names, 0.) == (2, dict(action=right))
