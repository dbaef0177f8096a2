"""Sampling of frames: the uniform and dense sampling of CAST's release (paper, section 4.2), and X-ViT's.

MMAction2's ``UniformSample`` and ``SampleFrames`` choose other frames.
"""
from abc import ABCMeta, abstractmethod
from typing import Dict, Tuple

import numpy as np
from mmcv.transforms import BaseTransform

from mmaction.registry import TRANSFORMS

from ..utils import InputError


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


@TRANSFORMS.register_module()
class XViTClips(FrameSampler):
    """Frames as X-ViT (https://arxiv.org/abs/2106.05968) reads them: from segments, or from a window.

    With ``segments``, the video is cut at ``round(i * (length - 1) / clip_len)``, where halves are rounded to
    even. In training, one frame of each segment is drawn, and both of its bounds belong to it. In testing,
    the clips contain the centres, the starts and the ends of the segments, in this order.

    With ``window``, ``clip_len`` frames are spaced evenly over a window that lasts as long as
    ``clip_len * frame_interval`` frames at 30 frames a second; if the video is shorter, its last frame is
    repeated. In training, the window is drawn. In testing, window c of k starts after c / k of the spare
    length: the first one at the beginning of the video, and the last one before its end.

    Further key, for ``window``: ``avg_fps`` of the video; it is 30 if there is none.

    Args:
        strategy: ``segments`` (Something-Something-V2 and EPIC-KITCHENS-100) or ``window`` (Kinetics).
        frame_interval: Distance between the frames of a window at 30 frames a second.
        kwargs: See :class:`FrameSampler`. With ``segments``, there are at most 3 clips in testing.

    Raises:
        InputError: If the strategy is unknown, or has fewer clips than ``num_clips``.
    """

    def __init__(self, strategy: str = 'segments', frame_interval: int = 16, **kwargs) -> None:
        super().__init__(**kwargs)
        if strategy not in ('segments', 'window'):
            raise InputError(f"unknown strategy {strategy!r}; choose 'segments' or 'window'")
        if strategy == 'segments' and self.test_mode and self.num_clips > 3:
            raise InputError(f'num_clips={self.num_clips}: segments have 3 clips, those of centres, starts '
                             "and ends; take fewer, or strategy='window'")
        self.strategy, self.fps = strategy, 30.
        self.frame_interval = frame_interval if strategy == 'window' else 0

    def transform(self, results: Dict) -> Dict:
        self.fps = results.get('avg_fps') or 30.
        return super().transform(results)

    def test_clips(self, length: int) -> np.ndarray:
        if self.strategy == 'segments':
            starts, ends = self.bounds(length)
            return np.stack([(starts + ends) // 2, starts, ends][:self.num_clips])
        return np.stack([self.window(length, c / self.num_clips) for c in range(self.num_clips)])

    def train_clip(self, length: int) -> np.ndarray:
        if self.strategy == 'segments':
            starts, ends = self.bounds(length)
            return np.random.randint(starts, ends + 1)
        return self.window(length, np.random.uniform())

    def bounds(self, length: int) -> Tuple[np.ndarray, np.ndarray]:
        """Returns the first and the last index of each segment."""
        cuts = np.round((length - 1) * np.arange(self.clip_len + 1) / self.clip_len).astype(int)
        return cuts[:-1], cuts[1:]

    def window(self, length: int, start: float) -> np.ndarray:
        """Returns the indices in the window that starts after this share of the spare length."""
        size = self.clip_len * self.frame_interval * self.fps / 30
        first = max(length - size, 0) * start
        inds = np.linspace(first, first + size - 1, self.clip_len).clip(0, length - 1)
        return (inds + 1e-6).astype(int)  # an integer that came out too small stays that integer
