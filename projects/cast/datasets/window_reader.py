"""Overlapping windows of a video, as samples for a model."""
from typing import Any, Dict, Iterator, List, Optional, Tuple

import numpy as np

from mmaction.registry import TRANSFORMS

from ..utils import InputError
from .media_stream import MediaStream
from .sampling import FrameSampler
from .windows import Window, Windows


class WindowReader:
    """Runs a pipeline on windows of a video, each of which it treats like a trimmed segment.

    Each frame is decoded once, also if windows overlap, and resized once. So is the sound.

    Args:
        pipeline: Configs of the transforms.
        length, stride: Length of a window, and from the start of one to that of the next, in seconds.

    Raises:
        InputError: If the numbers are not positive, or the pipeline is no list of one sampler,
            ``DecodeVideo`` and further transforms.
    """

    def __init__(self, pipeline: List[dict], length: float, stride: float) -> None:
        check_window(length, stride)
        self.length, self.stride = length, stride
        names = [transform['type'] for transform in pipeline]
        if 'DecodeVideo' not in names:
            raise InputError(f'windows need a pipeline with DecodeVideo, got {names}')
        parts = [TRANSFORMS.build(transform) for transform in pipeline]
        before, self.after = parts[:names.index('DecodeVideo')], parts[names.index('DecodeVideo') + 1:]
        self.resize = self.after.pop(0) if self.after and type(self.after[0]).__name__ == 'Resize' else None
        samplers = [part for part in before if isinstance(part, FrameSampler)]
        if len(samplers) != 1:
            raise InputError(f'windows need a pipeline with one sampler of ours, got {names}')
        self.sampler, = samplers
        self.listen = next((p for p in before if type(p).__name__ == 'LoadSpectrogram'), None)

    def open(self, source: str) -> MediaStream:
        """Opens a source, with its sound if the pipeline reads it."""
        return MediaStream(source, self.listen is not None)

    def __call__(self, stream: MediaStream) -> Iterator[Tuple[float, float, dict]]:
        """Yields start and stop of each window, in seconds, and its sample, while the stream is read."""
        total = max(round(self.length * stream.fps), 1)
        chosen = self.sampler.transform(dict(total_frames=total, avg_fps=stream.fps, start_index=0))
        order = np.sort(chosen['frame_inds'])
        info = dict(chosen, filename=stream.source, label=-1, modality='RGB')
        windows = Windows(
            self.length, self.stride, order / stream.fps, stream.fps, stream.rate, self.shrink)
        for window in windows.of(stream):
            yield window.start, window.stop, self.pack(window, info, stream.rate)

    def shrink(self, image: np.ndarray) -> np.ndarray:
        """Resizes a frame as the pipeline does."""
        if self.resize is None:
            return np.ascontiguousarray(image)
        return self.resize.transform(resizable([np.ascontiguousarray(image)]))['imgs'][0]

    def pack(self, window: Window, info: Dict[str, Any], rate: Optional[int]) -> dict:
        """Runs the rest of the pipeline on a window."""
        order = np.sort(info['frame_inds'])
        images = [window.images[i] for i in np.searchsorted(order, info['frame_inds'])]
        results = {**info, **resizable(images)}
        if self.listen is not None:
            if window.wave is not None:
                results['wave'] = window.wave, rate
            results = self.listen.transform(results)
        for transform in self.after:
            results = transform(results)
        return results


def check_window(length: float, stride: float) -> None:
    """Raises an InputError unless the seconds of a window, and between the starts of two, are positive."""
    if not min(length, stride) > 0:
        raise InputError(f'window {length} and stride {stride} must be positive')


def resizable(images: List[np.ndarray]) -> Dict[str, Any]:
    """Returns the keys that transforms of frames read; each frame may be changed in place."""
    images = [image.copy() for image in images]
    return dict(imgs=images, img_shape=images[0].shape[:2], original_shape=images[0].shape[:2])
