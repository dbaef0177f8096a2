"""Crops, decoding and augmentation."""
import random
from pathlib import Path

import numpy as np
import pytest
from conftest import load_tool, write_frames
from decord import VideoReader
from mmengine.dataset import Compose

from mmaction.registry import TRANSFORMS
from projects.cast.datasets import (
    ClipRandAugment,
    ClipRandomErasing,
    DecodeVideo,
    EqualCrops,
    InitVideo,
    VideoError,
)


def test_crops_at_equal_steps():
    frame = np.arange(4 * 11).reshape(4, 11, 1)
    out = EqualCrops(crop_size=4).transform(dict(imgs=[frame, -frame]))
    starts = [0, 3, 7]  # spare length 7: steps of 3.5, and the last crop ends at the border
    assert out['img_shape'] == (4, 4) and len(out['imgs']) == 6
    for i, x in enumerate(starts):
        assert (out['imgs'][2 * i] == frame[:, x:x + 4]).all()
        assert (out['imgs'][2 * i + 1] == -frame[:, x:x + 4]).all()
    upright = EqualCrops(crop_size=4).transform(dict(imgs=[frame.transpose(1, 0, 2)]))['imgs']
    assert all((a == b.transpose(1, 0, 2)).all() for a, b in zip(upright, out['imgs'][::2]))
    middle = EqualCrops(crop_size=4, num_crops=1).transform(dict(imgs=[frame]))['imgs']
    assert (middle[0] == frame[:, 3:7]).all()
    with pytest.raises(ValueError, match='a.mp4: frames of 11x4 are smaller than a crop of 5x5'):
        EqualCrops(crop_size=5).transform(dict(imgs=[frame], filename='a.mp4'))


@pytest.mark.parametrize('sampler', [
    dict(type='UniformClips', num_clips=2, test_mode=True),
    dict(type='DenseClips', frame_interval=1, num_clips=5, test_mode=True)])
def test_a_video_is_decoded_once_for_all_views(mini_root, monkeypatch, sampler):
    video = str(mini_root / 'P01/videos/P01_01.mp4')
    requests = []
    whole = VideoReader.get_batch
    monkeypatch.setattr(VideoReader, 'get_batch',
                        lambda self, inds: requests.append(list(inds)) or whole(self, inds))
    pipeline = Compose([
        dict(type='InitVideo'), sampler, dict(type='DecodeVideo'), dict(type='EqualCrops', crop_size=48),
        dict(type='FormatShape', input_format='NCTHW')])
    out = pipeline(dict(filename=video))
    assert len(requests) == 1 and len(requests[0]) == len(set(requests[0]))  # no frame twice
    views = sampler['num_clips']
    assert out['imgs'].shape == (3 * views, 3, 16, 48, 48)
    frames = whole(VideoReader(video), list(out['frame_inds'])).asnumpy()  # clip after clip
    expected = frames.reshape(views, 16, 64, 64, 3)[1, :, 8:56, 8:56].transpose(3, 0, 1, 2)
    assert (out['imgs'][views + 1] == expected).all()  # second crop, second clip


@pytest.mark.parametrize('source', ['file', 'array', 'broken'])
def test_M9_frames_that_repeat_are_flipped_alike(mini_root, source):
    """The host's Flip works in place: one array for several frames would be flipped several times."""
    video = str(mini_root / 'P01/videos/P01_01.mp4')
    array = VideoReader(video).get_batch(range(3)).asnumpy()
    given = dict(file=dict(filename=video), array=dict(array=array.copy(), modality='RGB'),
                 broken=dict(filename=video, broken=True))[source]
    opened = InitVideo().transform(given)
    inds = np.array([0] * 3 if source == 'broken' else [0, 1, 2, 2, 2, 1])
    results = DecodeVideo().transform({**opened, 'frame_inds': inds, 'modality': 'RGB'})
    before = [img.copy() for img in results['imgs']]
    assert len({id(img) for img in results['imgs']}) == len(inds)
    flipped = Compose([dict(type='Flip', flip_ratio=1.)])(results)['imgs']
    assert all((a == b[:, ::-1]).all() for a, b in zip(flipped, before))
    if source == 'array':
        assert (given['array'] == array).all()  # the caller's frames stay as they are


def segment(path, start, stop):
    """First frame and number of frames of a segment."""
    results = InitVideo().transform(dict(filename=str(path), start_time=start, stop_time=stop))
    return results['start_index'], results['total_frames']


@pytest.mark.parametrize('first', [0, 7.5], ids=['from 0', 'from 7.5 s'])
@pytest.mark.parametrize('suffix', ['.mp4', '.mkv'])
def test_M7_segments_of_variable_frame_rate(tmp_path, first, suffix):
    """As many frames as cut_segments.py takes, and the same ones."""
    times = np.cumsum([first] + [0.02] * 40 + [0.2] * 19)  # 50 and 5 frames a second, 13 on average
    path = tmp_path / f'vfr{suffix}'
    write_frames(path, times)
    cut = load_tool('data/videos.py')
    for start, stop in ((0.1, 0.5), (1., 2.), (0.79, 1.21), (0., 99.), (4.5, 4.7)):
        shown = [i for i, t in enumerate(times - first) if start - 1e-6 <= t < stop - 1e-6]
        assert segment(path, start, stop) == (shown[0], len(shown))
        target = tmp_path / 'cut.mp4'
        cut.encode(cut.Job(path, target, 48, start, stop))
        brightness = VideoReader(str(target)).get_batch(range(len(shown))).asnumpy().mean((1, 2, 3))
        np.testing.assert_allclose(brightness, 4 * np.array(shown), atol=2)
    with pytest.raises(VideoError, match='has 60 frames .* but the segment is from 5.00 to 6.00 s'):
        segment(path, 5., 6.)


@pytest.mark.parametrize('fps', [10, 50, 60000 / 1001])
def test_M7_segments_of_constant_frame_rate_stay_rounded(tmp_path, fps):
    """Ties too: EPIC-KITCHENS' times are in hundredths, half a frame of 50 a second."""
    path = tmp_path / 'cfr.mp4'
    write_frames(path, np.arange(60) / fps)
    average = VideoReader(str(path)).get_avg_fps()
    for start in range(0, 95):
        start = float(f'{start / 100:.2f}')
        first, last = round(start * average), round((start + 0.25) * average)
        assert segment(path, start, start + 0.25) == (first, max(min(last, 60) - first, 1))


def test_M7_segments_without_time_stamps(tmp_path):
    """H.264 in AVI has none: times are rounded, as at a constant frame rate."""
    path = tmp_path / 'no_stamps.avi'
    write_frames(path, np.arange(60) / 10)
    reader = VideoReader(str(path))
    assert reader.get_frame_timestamp([0])[0, 0] < -1
    fps = reader.get_avg_fps()
    assert segment(path, 0.01, 0.03) == (round(0.01 * fps), round(0.02 * fps))


def test_M5_the_former_name_still_works():
    assert isinstance(TRANSFORMS.build(dict(type='OpenVideo')), InitVideo)


@pytest.fixture
def frames():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 255, (2, 40, 56, 3), dtype=np.uint8)
    return [a, b, a, b]


def test_rand_augment_treats_all_frames_alike(frames):
    augment, changed = ClipRandAugment(), 0
    for seed in range(20):
        np.random.seed(seed)
        random.seed(seed)
        out = augment.transform(dict(imgs=frames))['imgs']
        assert out[0].shape == frames[0].shape and out[0].dtype == np.uint8 and out[0].flags.writeable
        assert (out[0] == out[2]).all() and (out[1] == out[3]).all()
        changed += not (out[0] == frames[0]).all()
        np.random.seed(seed)
        random.seed(seed)
        assert all((x == y).all() for x, y in zip(augment.transform(dict(imgs=frames))['imgs'], out))
    assert changed > 10
    # ... and moves the random state on, so that the next clip gets other operations
    first, second = (augment.transform(dict(imgs=frames[:1]))['imgs'][0] for _ in range(2))
    states = {first.tobytes(), second.tobytes(),
              *(augment.transform(dict(imgs=frames[:1]))['imgs'][0].tobytes() for _ in range(4))}
    assert len(states) > 2


def test_rand_augment_has_the_release_settings():
    ops = ClipRandAugment().augment.ops
    assert {op.magnitude for op in ops} == {7} and {op.magnitude_std for op in ops} == {0.5}
    assert {op.prob for op in ops} == {0.5} and ClipRandAugment().augment.num_layers == 4
    assert {op.kwargs['resample'] for op in ops} == {3}  # bicubic
    assert 'SolarizeIncreasing' in {op.name for op in ops}
    assert ClipRandAugment('rand-m9-mstd0.5-inc1').augment.num_layers == 2


def test_erasing_takes_one_box_for_the_clip(frames):
    erase = ClipRandomErasing(prob=1.)
    out = erase.transform(dict(imgs=frames))['imgs']
    boxes = []
    for before, after in zip(frames, out):
        ys, xs = np.nonzero((before != after).any(-1))
        boxes.append((ys.min(), ys.max(), xs.min(), xs.max()))
    top, bottom, left, right = (f(b) for f, b in zip((min, max, min, max), zip(*boxes)))
    inside = np.zeros(frames[0].shape[:2], bool)
    inside[top:bottom + 1, left:right + 1] = True
    assert 0 < inside.sum() < inside.size / 2
    for before, after in zip(frames, out):
        assert (before[~inside] == after[~inside]).all()
        assert (before[inside] != after[inside]).mean() > 0.9
    assert all((a == b).all() for a, b in zip(
        ClipRandomErasing(prob=0.).transform(dict(imgs=frames))['imgs'], frames))


def test_real_video_has_the_frames_of_the_formula():
    videos = sorted((Path(__file__).parents[3] / 'shared/data/videos').glob('*.mp4'))
    if not videos:
        pytest.skip('the real videos are not on this machine')
    for video in videos:
        out = Compose([dict(type='InitVideo'), dict(type='UniformClips', num_clips=2, test_mode=True),
                       dict(type='DecodeVideo'), dict(type='Resize', scale=(-1, 224)),
                       dict(type='EqualCrops', crop_size=224),
                       dict(type='FormatShape', input_format='NCTHW')])(dict(filename=str(video)))
        assert out['imgs'].shape == (6, 3, 16, 224, 224)
        assert out['frame_inds'].max() < len(VideoReader(str(video)))
