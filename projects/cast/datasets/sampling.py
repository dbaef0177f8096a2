"""Sampling of frames: the uniform and dense sampling of the release (paper, section 4.2).

MMAction2's ``UniformSample`` and ``SampleFrames`` choose other frames.
"""
from abc import ABCMeta, abstractmethod
from typing import Dict

import numpy as np
from mmcv.transforms import BaseTransform

from mmaction.registry import TRANSFORMS


class FrameSampler(BaseTransform, metaclass=ABCMeta):
    """Chooses ``frame_inds`` in a video, or in the segment that ``InitVideo`` selected.

    Required keys: ``total_frames`` and, if it is not 0, ``start_index``. Added keys: ``frame_inds``
    (``num_clips * clip_len`` indices, clip after clip), ``clip_len``, ``num_clips``, ``frame_interval``.

    Args:
        clip_len: Number of frames of a clip.
        num_clips: Number of clips of a video. In training, they are drawn independently.
        test_mode: Whether to choose the same indices every time instead of random ones.
    """

    frame_interval = 0  # uniform sampling has no fixed interval

    def __init__(self, clip_len: int = 16, num_clips: int = 1, test_mode: bool = False) -> None:
        self.clip_len, self.num_clips, self.test_mode = clip_len, num_clips, test_mode

    @abstractmethod
    def test_clips(self, length: int) -> np.ndarray:
        """Returns indices ``(num_clips, clip_len)`` for a video of ``length`` frames."""

    @abstractmethod
    def train_clip(self, length: int) -> np.ndarray:
        """Returns random indices ``(clip_len, )`` for a video of ``length`` frames."""

    def transform(self, results: Dict) -> Dict:
        length = results['total_frames']
        if self.test_mode:
            clips = self.test_clips(length)
        else:
            clips = np.stack([self.train_clip(length) for _ in range(self.num_clips)])
        results.update(
            frame_inds=clips.flatten() + results.get('start_index', 0), clip_len=self.clip_len,
            num_clips=self.num_clips, frame_interval=self.frame_interval)
        return results


@TRANSFORMS.register_module()
class UniformClips(FrameSampler):
    """Frames spread over the whole video: one frame from each of 16 equal segments.

    In testing, clip c of k starts c / k of a segment later than the first clip: two clips contain the starts
    and the centres of the segments. A single clip, as in validation, contains the centres. In training, each
    segment has ``length // clip_len`` frames, of which one is drawn. A video with fewer frames than a clip
    yields its first frame ``clip_len`` times, as in the release.

    Args:
        kwargs: See :class:`FrameSampler`.
    """

    def test_clips(self, length: int) -> np.ndarray:
        tick, k = length / self.clip_len, self.num_clips
        offsets = tick * np.arange(k) / k if k > 1 else np.array([tick / 2])
        inds = (offsets + tick * np.arange(self.clip_len)[:, None]).astype(int)
        return np.sort(inds, axis=None).reshape(self.clip_len, k).T

    def train_clip(self, length: int) -> np.ndarray:
        segment = length // self.clip_len
        if not segment:
            return np.zeros(self.clip_len, int)
        return segment * np.arange(self.clip_len) + np.random.randint(segment, size=self.clip_len)


@TRANSFORMS.register_module()
class DenseClips(FrameSampler):
    """Frames from a window of the video, at a distance of ``frame_interval``.

    In testing, every ``frame_interval``-th frame is kept, and the last one is repeated if there are too few
    for a clip. The clips start at equal distances over the frames that are kept; a single clip, as in
    validation, lies in the middle. In training, ``clip_len`` frames are spaced evenly over a random window of
    ``clip_len * frame_interval`` frames; a shorter video yields every ``frame_interval``-th frame, and the
    last one is repeated.

    Args:
        frame_interval: Distance between frames.
        kwargs: See :class:`FrameSampler`.
    """

    def __init__(self, frame_interval: int = 4, **kwargs) -> None:
        super().__init__(**kwargs)
        self.frame_interval = frame_interval

    def every(self, length: int) -> np.ndarray:
        """Returns every ``frame_interval``-th index; the last one is repeated to fill a clip."""
        inds: np.ndarray = np.arange(0, length, self.frame_interval)
        return np.pad(inds, (0, max(self.clip_len - len(inds), 0)), mode='edge')

    def test_clips(self, length: int) -> np.ndarray:
        inds, k = self.every(length), self.num_clips
        spare = len(inds) - self.clip_len
        starts = np.arange(k) * spare // (k - 1) if k > 1 else np.array([spare // 2])
        return inds[starts[:, None] + np.arange(self.clip_len)]

    def train_clip(self, length: int) -> np.ndarray:
        window = self.clip_len * self.frame_interval
        if length < window:
            return self.every(length)
        start = np.random.randint(length - window + 1)
        # as in the release, they span the whole window: for 16 x 4, the step is about 4.27 frames, not 4
        return start + np.linspace(0, window, self.clip_len).astype(int).clip(max=window - 1)
