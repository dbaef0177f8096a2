"""Frame indices against the formulas, written out again in the plainest way."""
from collections import Counter

import numpy as np
import pytest

from projects.cast.datasets import DenseClips, UniformClips

LENGTHS = [*range(1, 200), 255, 256, 257, 999, 1000, 12345]


def clips(sampler, length, start=0):
    results = sampler.transform(dict(total_frames=length, start_index=start))
    assert results['clip_len'] == 16
    return results['frame_inds'].reshape(results['num_clips'], 16)


@pytest.mark.parametrize('length', LENGTHS)
def test_uniform_test_views(length):
    tick = length / 16
    both = sorted([int(tick / 2 + tick * x) for x in range(16)] + [int(tick * x) for x in range(16)])
    expected = np.array([both[c::2] for c in range(2)])
    assert (clips(UniformClips(num_clips=2, test_mode=True), length) == expected).all()
    assert (clips(UniformClips(num_clips=2, test_mode=True), length, start=7) == expected + 7).all()


def test_uniform_by_hand():
    starts, centres = clips(UniformClips(num_clips=2, test_mode=True), 64)
    assert starts.tolist() == list(range(0, 64, 4)) and centres.tolist() == list(range(2, 64, 4))
    assert clips(UniformClips(test_mode=True), 64).tolist() == [centres.tolist()]


@pytest.mark.parametrize('length', LENGTHS)
def test_dense_test_views(length):
    kept = list(range(0, length, 4))
    kept += kept[-1:] * (16 - len(kept))
    starts = [int(c * max(0, len(kept) - 16) / 4) for c in range(5)]
    expected = np.array([kept[s:s + 16] for s in starts])
    assert (clips(DenseClips(num_clips=5, test_mode=True), length) == expected).all()


def test_dense_by_hand():
    views = clips(DenseClips(num_clips=5, test_mode=True), 300)  # 75 frames kept, 59 to spare
    assert views[:, 0].tolist() == [0, 4 * 14, 4 * 29, 4 * 44, 4 * 59]
    assert clips(DenseClips(test_mode=True), 300)[0, 0] == 4 * 29
    assert clips(DenseClips(num_clips=5, test_mode=True), 9).tolist() == [[0, 4] + [8] * 14] * 5


@pytest.mark.parametrize('length', [16, 31, 32, 100])
def test_uniform_training(length):
    """One frame in each of 16 segments of length // 16, each as likely as the others."""
    np.random.seed(0)
    segment = length // 16
    drawn = np.concatenate([clips(UniformClips(), length) for _ in range(600)])
    offsets = drawn - segment * np.arange(16)
    assert offsets.min() == 0 and offsets.max() == segment - 1
    counts = Counter(offsets.ravel().tolist())
    assert all(abs(n / offsets.size - 1 / segment) < 0.03 for n in counts.values())
    assert len({tuple(row) for row in offsets.tolist()}) > (1 if segment > 1 else 0)


@pytest.mark.parametrize('length', [1, 15])
def test_uniform_training_on_short_videos(length):
    assert clips(UniformClips(), length, start=5).tolist() == [[5] * 16]


def test_dense_training():
    np.random.seed(0)
    drawn = np.concatenate([clips(DenseClips(num_clips=2), 70) for _ in range(400)])
    window = [min(int(64 * i / 15), 63) for i in range(16)]
    assert ((drawn - drawn[:, :1]) == window).all()
    counts = Counter(drawn[:, 0].tolist())
    assert sorted(counts) == list(range(7))  # every window of 64 in 70 frames
    assert all(abs(n / 800 - 1 / 7) < 0.05 for n in counts.values())


def test_dense_training_on_short_videos():
    assert clips(DenseClips(), 63).tolist() == [list(range(0, 63, 4))]
    assert clips(DenseClips(), 10).tolist() == [[0, 4] + [8] * 14]
