"""Labels over time: a model's scores on overlapping windows of a video of any length."""
import logging
from typing import Dict, Iterator, List, NamedTuple, Tuple, Union

import torch
from mmengine import Config
from mmengine.dataset import pseudo_collate
from mmengine.logging import print_log
from mmengine.model import BaseModel
from torch import Tensor

from ..datasets import MediaStream, WindowReader, pipeline_of
from ..utils import InputError, scores_by_task


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

    Args:
        model: A model of the config, on its device, or one that was exported from it.
        config: The config.
        length, stride: Length of a window, and from the start of one to that of the next, in seconds.
        batch_size: Number of windows that the model sees at a time.
        views: Pipeline whose views are used: ``val``, one view, or ``test``.

    Raises:
        InputError: If the batch size is not positive, or the config has no such pipeline; see also
            :class:`WindowReader`.
    """

    def __init__(self, model: BaseModel, config: Config, length: float, stride: float,
                 batch_size: int = 4, views: str = 'val') -> None:
        if batch_size <= 0:
            raise InputError(f'batch size {batch_size} must be positive')
        self.model, self.batch_size = model, batch_size
        self.reader = WindowReader(pipeline_of(config, views), length, stride)

    def open(self, source: str) -> MediaStream:
        """Opens a source, with its sound if the model listens."""
        return self.reader.open(source)

    def __call__(self, source: Union[str, MediaStream]) -> Iterator[Scores]:
        """Yields the scores of each window, while the source is read.

        Args:
            source: See :class:`MediaStream`.
        """
        stream = source if isinstance(source, MediaStream) else self.open(source)
        with stream:
            batch: List[Tuple[float, float, dict]] = []
            for window in self.reader(stream):
                batch.append(window)
                if len(batch) == self.batch_size:
                    yield from self.score(batch)
                    batch = []
            if batch:
                yield from self.score(batch)
        if not stream.complete:
            print_log(f'{stream.source}: ended before its end', 'current', logging.WARNING)

    @torch.no_grad()
    def score(self, windows: List[Tuple[float, float, dict]]) -> List[Scores]:
        """Returns the scores of some windows."""
        samples = self.model.test_step(pseudo_collate([packed for *_, packed in windows]))
        found = []
        for (start, stop, _), sample in zip(windows, samples):
            scores = {task: part.float().cpu() for task, part in scores_by_task(sample.pred_score).items()}
            found.append(Scores(start, stop, scores, bool(sample.get('no_sound'))))
        return found
