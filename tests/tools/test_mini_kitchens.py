import csv
from collections import Counter

import numpy as np
from conftest import load_tool
from decord import VideoReader

TOOL = load_tool('data/mini_kitchens/generate.py')


def test_the_same_seed_writes_the_same_and_splits_share_no_scene(tmp_path):
    roots = [tmp_path / name for name in ('a', 'b', 'c')]
    for root, seed in zip(roots, (0, 0, 1)):
        TOOL.generate(root, train_videos=1, val_videos=1, actions=2, seed=seed)
    names = ['P01/videos/P01_01.mp4', 'EPIC_100_train.csv', 'EPIC_100_validation.csv']
    for name in names:
        assert (roots[0] / name).read_bytes() == (roots[1] / name).read_bytes()
    assert (roots[0] / names[0]).read_bytes() != (roots[2] / names[0]).read_bytes()
    train = VideoReader(str(roots[0] / names[0]))[0].asnumpy().astype(float)
    val = VideoReader(str(roots[0] / 'P51/videos/P51_01.mp4'))[0].asnumpy().astype(float)
    assert np.abs(train - val).mean() > 5


def test_annotations_say_when_something_moves(mini_root):
    with (mini_root / 'EPIC_100_train.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8 and list(rows[0]) == TOOL.COLUMNS
    for row in rows:
        video = VideoReader(str(mini_root / row['participant_id'] / 'videos' / f'{row["video_id"]}.mp4'))
        first, last = int(row['start_frame']) - 1, int(row['stop_frame']) - 1
        moving = video.get_batch([first, first + 4]).asnumpy().astype(float)
        resting = video.get_batch([first - TOOL.PAUSE, first - 1]).asnumpy().astype(float)
        changed, noise = (int((np.abs(b - a).max(-1) > 50).sum()) for a, b in (moving, resting))
        assert changed > 20 > 5 > noise
        assert last < len(video)
        assert TOOL.VERBS[int(row['verb_class'])] == row['verb']


def test_classes_have_super_categories(mini_root):
    """Several of each kind, so that gains of super-categories can be drawn."""
    for kind, names, expected in (('verb', TOOL.VERBS, {'move': 4, 'mix': 2}),
                                  ('noun', TOOL.NOUNS, {'fruit and vegetables': 4, 'things': 2})):
        with (mini_root / f'EPIC_100_{kind}_classes.csv').open() as file:
            rows = list(csv.DictReader(file))
        assert [row['key'] for row in rows] == list(names)
        assert Counter(row['category'] for row in rows) == expected


def test_single_frames_do_not_give_directions_away():
    """Slides are each other's time reversal: the same positions, in the opposite order."""
    times = np.linspace(0, 1, TOOL.ACTION)
    for one, other in (('slide-left', 'slide-right'), ('lift', 'lower')):
        forward = [TOOL.displacement(one, t, 0.3) for t in times]
        backward = [TOOL.displacement(other, t, 0.3) for t in times]
        np.testing.assert_allclose(forward, backward[::-1], atol=1e-12)
