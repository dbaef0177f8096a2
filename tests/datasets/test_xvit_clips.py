"""X-ViT's frames against the formulas in exact arithmetic, and its augmentation."""
import random
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from conftest import write_frames
from decord import VideoReader
from mmengine.dataset import Compose
from PIL import Image

from projects.cast.datasets import ClipRandAugment, ClipRandomErasing, XViTClips
from projects.cast.utils import InputError

LENGTHS = range(1, 401)


def clips(sampler, length, start=0, **more):
    results = sampler.transform(dict(total_frames=length, start_index=start, **more))
    assert results['clip_len'] == sampler.clip_len and results['num_clips'] == sampler.num_clips
    return results['frame_inds'].reshape(sampler.num_clips, sampler.clip_len).tolist()


def cuts(length, n):
    return [round(Fraction((length - 1) * i, n)) for i in range(n + 1)]  # Python rounds halves to even


@pytest.mark.parametrize('n', [8, 12, 16, 32])
def test_views_of_segments(n):
    sampler = XViTClips(clip_len=n, num_clips=3, test_mode=True)
    for length in LENGTHS:
        bounds = cuts(length, n)
        pairs = list(zip(bounds, bounds[1:]))
        expected = [[(a + b) // 2 for a, b in pairs], [a for a, _ in pairs], [b for _, b in pairs]]
        assert clips(sampler, length) == expected
        assert clips(sampler, length, 1000) == [[1000 + i for i in view] for view in expected]
    for k in (1, 2):
        assert clips(XViTClips(clip_len=n, num_clips=k, test_mode=True), 300) == clips(sampler, 300)[:k]


def test_segments_by_hand():
    sampler = XViTClips(num_clips=3, test_mode=True)
    assert clips(sampler, 17) == [[*range(16)], [*range(16)], [*range(1, 17)]]
    centres, starts, ends = clips(sampler, 9)  # cuts at 0, .5, 1, 1.5, ...
    assert starts == [0, 0, 1, 2, 2, 2, 3, 4, 4, 4, 5, 6, 6, 6, 7, 8]
    assert ends == [0, 1, 2, 2, 2, 3, 4, 4, 4, 5, 6, 6, 6, 7, 8, 8]
    assert centres == [0, 0, 1, 2, 2, 2, 3, 4, 4, 4, 5, 6, 6, 6, 7, 8]
    assert clips(sampler, 1, 7) == [[7] * 16] * 3


def test_training_on_segments():
    """One frame of each segment, where each is as likely as the others, bounds included."""
    np.random.seed(0)
    for length in LENGTHS:
        bounds = cuts(length, 16)
        (clip, ) = clips(XViTClips(), length, 7)
        assert all(a <= i - 7 <= b for a, i, b in zip(bounds, clip, bounds[1:]))
    drawn = np.array(clips(XViTClips(num_clips=2000), 49))  # segments of 3 frames and the next one's first
    for i, column in enumerate(drawn.T):
        counts = Counter(column.tolist())
        assert sorted(counts) == [3 * i, 3 * i + 1, 3 * i + 2, 3 * i + 3]
        assert all(abs(count / 2000 - 1 / 4) < 0.05 for count in counts.values())


def window(length, fps, share, n=16, interval=16):
    """The indices, for a share of the spare length."""
    size = Fraction(n * interval) * fps / 30
    first = max(length - size, 0) * share
    last = first + size - 1
    return [int(min(max(first + (last - first) * Fraction(i, n - 1), 0), length - 1)) for i in range(n)]


@pytest.mark.parametrize('fps', [30, 25, 15, Fraction(30000, 1001), Fraction(24000, 1001)], ids=float)
def test_views_of_a_window(fps):
    for k in (1, 2, 3):
        sampler = XViTClips(strategy='window', num_clips=k, test_mode=True)
        for length in LENGTHS:
            expected = [window(length, fps, Fraction(c, k)) for c in range(k)]
            assert clips(sampler, length, avg_fps=float(fps)) == expected
    sampler = XViTClips(strategy='window', clip_len=8, frame_interval=32, test_mode=True)
    for length in LENGTHS:
        assert clips(sampler, length, 7, avg_fps=float(fps)) == [
            [7 + i for i in window(length, fps, 0, 8, 32)]]


def test_windows_by_hand():
    two = XViTClips(strategy='window', num_clips=2, test_mode=True)
    assert clips(two, 300) == [[*range(0, 256, 17)], [*range(22, 278, 17)]]  # without fps: 30
    assert clips(two, 100) == [[0, 17, 34, 51, 68, 85] + [99] * 10] * 2
    one = XViTClips(strategy='window', test_mode=True)
    assert clips(one, 300, avg_fps=15.) == [  # 128 frames: steps of 127 / 15 = 8.47
        [0, 8, 16, 25, 33, 42, 50, 59, 67, 76, 84, 93, 101, 110, 118, 127]]
    assert clips(one, 1, avg_fps=1.) == [[0] * 16]  # the black frame of a broken video
    assert one.transform(dict(total_frames=9))['frame_interval'] == 16


def test_training_on_a_window(monkeypatch):
    np.random.seed(0)
    sampler = XViTClips(strategy='window', num_clips=2000)
    drawn = np.array(clips(sampler, 266))
    assert (np.diff(drawn) >= 17).all() and (np.diff(drawn) <= 18).all()
    counts = Counter(drawn[:, 0].tolist())
    assert sorted(counts) == list(range(10)) and drawn.max() == 264  # the start is real, and then truncated
    assert all(abs(count / 2000 - 1 / 10) < 0.03 for count in counts.values())
    for share in (Fraction(0), Fraction(1, 4), Fraction(1)):
        monkeypatch.setattr(np.random, 'uniform', lambda share=share: float(share))
        for length in LENGTHS:
            found = clips(XViTClips(strategy='window'), length, 7, avg_fps=25.)
            assert found == [[7 + i for i in window(length, 25, share)]]


def test_the_rate_of_the_video_counts(tmp_path):
    path = tmp_path / 'fifteen.mp4'
    write_frames(path, np.arange(140) / 15)
    pipeline = Compose([dict(type='InitVideo'), dict(type='XViTClips', strategy='window', test_mode=True)])
    fps = VideoReader(str(path)).get_avg_fps()
    assert fps == pytest.approx(15, abs=0.2)
    found = pipeline(dict(filename=str(path)))['frame_inds'].tolist()
    assert found == window(140, Fraction(fps), 0) and found[-1] in range(125, 130)


@pytest.mark.parametrize('arguments, message', [
    (dict(strategy='dense'), "unknown strategy 'dense'; choose 'segments' or 'window'"),
    (dict(num_clips=4, test_mode=True), 'num_clips=4: segments have 3 clips')])
def test_wrong_arguments(arguments, message):
    with pytest.raises(InputError, match=message):
        XViTClips(**arguments)
    XViTClips(num_clips=4), XViTClips(num_clips=4, test_mode=True, strategy='window')


def test_auto_augment_draws_one_policy_for_a_clip():
    rng = np.random.default_rng(0)
    frames = [*rng.integers(0, 255, (2, 40, 56, 3), dtype=np.uint8)] * 2
    augment = ClipRandAugment('v0', interpolation='random')
    policy = augment.augment.policy
    assert len(policy) == 25 and {len(operations) for operations in policy} == {2}
    assert policy[0][0].name == 'Equalize' and policy[0][1].name == 'ShearY'
    assert {len(op.kwargs['resample']) for operations in policy for op in operations} == {2}
    results = set()
    for seed in range(40):
        np.random.seed(seed)
        random.seed(seed)
        out = augment.transform(dict(imgs=frames))['imgs']
        assert out[0].dtype == np.uint8 and out[0].shape == frames[0].shape
        assert (out[0] == out[2]).all() and (out[1] == out[3]).all()
        results.add(out[0].tobytes())
    assert len(results) > 20


@pytest.mark.parametrize('policy', ['v0', 'rand-m10-n4-inc1'])
def test_policies_may_leave_no_bits(policy):
    """Pillow rejects 0 bits, which give a black frame."""
    augment = ClipRandAugment(policy).augment
    operations = getattr(augment, 'ops', None) or sum(augment.policy, [])
    black = 0
    for operation in operations:
        if operation.name.startswith('Posterize'):
            operation.prob = 1.
            black += not np.array(operation(Image.new('RGB', (8, 8), (255, 255, 255)))).any()
    assert black


def test_erasing_with_the_mean():
    """A constant box of 2 to 33 % of the frame in half of the clips, which is about 0 after normalisation."""
    random.seed(0)
    frames = [np.full((64, 80, 3), value, np.uint8) for value in (10, 200)]
    erase = ClipRandomErasing(prob=0.5, max_area=1 / 3, mode='const', mean=[127.5] * 3, std=[127.5] * 3)
    areas, ratios = [], []
    for _ in range(160):
        a, b = erase.transform(dict(imgs=frames))['imgs']
        inside = (a != 10).any(-1)
        assert (inside == (b != 200).any(-1)).all() and (a[inside] == 128).all() and (b[inside] == 128).all()
        if inside.any():
            ys, xs = np.nonzero(inside)
            height, width = np.ptp(ys) + 1, np.ptp(xs) + 1
            assert inside.sum() == height * width
            areas.append(inside.mean())
            ratios.append(height / width)
    assert 60 < len(areas) < 100
    assert 0.015 < min(areas) < 0.05 and 0.25 < max(areas) < 0.35
    assert 0.25 < min(ratios) < 0.4 and 2.5 < max(ratios) < 3.7
