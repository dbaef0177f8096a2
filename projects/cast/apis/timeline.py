"""Labels over time: a model's scores on overlapping windows of a video of any length."""
import logging
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Union

import numpy as np
import torch
from mmengine import Config
from mmengine.dataset import pseudo_collate
from mmengine.logging import print_log
from mmengine.model import BaseModel
from torch import Tensor

from mmaction.registry import TRANSFORMS

from ..datasets import FrameSampler
from ..datasets.media_stream import MediaStream
from ..datasets.windows import Window, Windows
from ..utils import InputError


class Scores(NamedTuple):
    """Probabilities of a window.

    Attributes:
        start, stop: Of the window, in seconds.
        scores: Probabilities ``(classes, )`` by task; a single task is called ``action``.
        no_sound: Whether a model that listens had nothing to hear.
    """

    start: float
    stop: float
    scores: Dict[str, Tensor]
    no_sound: bool = False


class Timeline:
    """Scores windows of videos as the validation pipeline of the config scores segments.

    Each frame is decoded once, also if windows overlap, and resized once. So is the sound.

    Args:
        model: A model of the config, on its device.
        config: The config.
        length, stride: Length of a window, and from the start of one to that of the next, in seconds.
        batch_size: Number of windows that the model sees at a time.
        views: Pipeline whose views are used: ``val``, one view, or ``test``.

    Raises:
        InputError: If the numbers are not positive, or the pipeline is no list of one sampler,
            ``DecodeVideo`` and further transforms.
    """

    def __init__(self, model: BaseModel, config: Config, length: float, stride: float,
                 batch_size: int = 4, views: str = 'val') -> None:
        if min(length, stride, batch_size) <= 0:
            raise InputError(f'window {length}, stride {stride} and batch size {batch_size} must be positive')
        self.model, self.length, self.stride, self.batch_size = model, length, stride, batch_size
        pipeline = config[f'{views}_dataloader'].dataset.pipeline
        names = [transform['type'] for transform in pipeline]
        if 'DecodeVideo' not in names:
            raise InputError(f'{views}_dataloader: its pipeline {names} has no DecodeVideo')
        parts = [TRANSFORMS.build(transform) for transform in pipeline]
        before, self.after = parts[:names.index('DecodeVideo')], parts[names.index('DecodeVideo') + 1:]
        self.resize = self.after.pop(0) if self.after and type(self.after[0]).__name__ == 'Resize' else None
        samplers = [part for part in before if isinstance(part, FrameSampler)]
        if len(samplers) != 1:
            raise InputError(f'{views}_dataloader: its pipeline {names} must have one sampler of ours')
        self.sampler, = samplers
        self.listen = next((p for p in before if type(p).__name__ == 'LoadSpectrogram'), None)

    def open(self, source: str) -> MediaStream:
        """Opens a source, with its sound if the model listens."""
        return MediaStream(source, self.listen is not None)

    def __call__(self, source: Union[str, MediaStream]) -> Iterator[Scores]:
        """Yields the scores of each window, while the source is read.

        Args:
            source: See :class:`MediaStream`.
        """
        stream = source if isinstance(source, MediaStream) else self.open(source)
        with stream:
            total = max(round(self.length * stream.fps), 1)
            chosen = self.sampler.transform(dict(total_frames=total, avg_fps=stream.fps, start_index=0))
            order = np.sort(chosen['frame_inds'])
            info = dict(chosen, filename=stream.source, label=-1, modality='RGB')
            windows = Windows(
                self.length, self.stride, order / stream.fps, stream.fps, stream.rate, self.shrink)
            batch: List[Window] = []
            for window in windows.of(stream):
                batch.append(window)
                if len(batch) == self.batch_size:
                    yield from self.score(batch, info, stream.rate)
                    batch = []
            if batch:
                yield from self.score(batch, info, stream.rate)
        if not stream.complete:
            print_log(f'{stream.source}: ended before its end', 'current', logging.WARNING)

    def shrink(self, image: np.ndarray) -> np.ndarray:
        """Resizes a frame as the pipeline does."""
        if self.resize is None:
            return np.ascontiguousarray(image)
        return self.resize.transform(resizable([np.ascontiguousarray(image)]))['imgs'][0]

    @torch.no_grad()
    def score(self, windows: List[Window], info: Dict[str, Any], rate: Optional[int]) -> List[Scores]:
        """Returns the scores of some windows."""
        samples = self.model.test_step(pseudo_collate([self.pack(window, info, rate) for window in windows]))
        found = []
        for window, sample in zip(windows, samples):
            score = sample.pred_score
            score = score if isinstance(score, dict) else dict(action=score)
            scores = {task: part.float().cpu() for task, part in score.items()}
            found.append(Scores(window.start, window.stop, scores, bool(sample.get('no_sound'))))
        return found

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


def resizable(images: List[np.ndarray]) -> Dict[str, Any]:
    """Returns the keys that transforms of frames read; each frame may be changed in place."""
    images = [image.copy() for image in images]
    return dict(imgs=images, img_shape=images[0].shape[:2], original_shape=images[0].shape[:2])
