"""Which frames make a clip: the release's uniform and dense sampling (paper, section 4.2).

MMAction2's ``UniformSample`` and ``SampleFrames`` choose other frames.
"""
from abc import ABCMeta, abstractmethod
from typing import Dict

import numpy as np
from mmcv.transforms import BaseTransform

from mmaction.registry import TRANSFORMS


class FrameSampler(BaseTransform, metaclass=ABCMeta):
    """Writes ``frame_inds`` for a video, or for the segment of it that ``InitVideo`` narrowed down to.

    Required keys: ``total_frames`` and, if it is not 0, ``start_index``. Added keys: ``frame_inds``
    (``num_clips * clip_len`` indices, clip after clip), ``clip_len``, ``num_clips``, ``frame_interval``.

    Args:
        clip_len: frames of a clip.
        num_clips: clips of a video. In training they are drawn one by one.
        test_mode: the same indices every time, instead of random ones.
    """

    frame_interval = 0  # none of its own

    def __init__(self, clip_len: int = 16, num_clips: int = 1, test_mode: bool = False) -> None:
        self.clip_len, self.num_clips, self.test_mode = clip_len, num_clips, test_mode

    @abstractmethod
    def test_clips(self, length: int) -> np.ndarray:
        """Indices ``(num_clips, clip_len)`` for a video of ``length`` frames."""

    @abstractmethod
    def train_clip(self, length: int) -> np.ndarray:
        """Random indices ``(clip_len, )`` for a video of ``length`` frames."""

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
    """Frames spread over the whole video: 16 equal segments, one frame of each.

    In testing, clip c of k starts c / k of a segment later than the first: two clips hold the starts
    and the centres of the segments. A single clip, as in validation, holds the centres. In training
    each segment has ``length // clip_len`` frames, of which one is drawn; a video with fewer frames
    than a clip gives its first frame ``clip_len`` times, as in the release.

    Args:
        kwargs: see :class:`FrameSampler`.
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
    """Frames ``frame_interval`` apart: a window of the video.

    In testing every ``frame_interval``-th frame is kept, the last one repeated if they do not fill a
    clip, and the clips start at equal distances over what is kept; a single clip, as in validation,
    lies in the middle. In training ``clip_len`` frames are spaced evenly over a random window of
    ``clip_len * frame_interval`` frames; a video shorter than that gives every ``frame_interval``-th
    frame, the last one repeated.

    Args:
        frame_interval: distance of the frames.
        kwargs: see :class:`FrameSampler`.
    """

    def __init__(self, frame_interval: int = 4, **kwargs) -> None:
        super().__init__(**kwargs)
        self.frame_interval = frame_interval

    def every(self, length: int) -> np.ndarray:
        """Every ``frame_interval``-th index, the last one repeated to fill a clip."""
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
        # the release spaces them over the window's whole length: about 4.27 frames, not 4, for 16 x 4
        return start + np.linspace(0, window, self.clip_len).astype(int).clip(max=window - 1)
