"""Broken videos are skipped and counted in training, and never replaced in testing."""
import logging
from typing import Any, Optional

from mmengine.logging import print_log

from .seeding import SeededIndex, seed_all
from .transforms import VideoError


class FaultTolerant:
    """Mixin for datasets of videos.

    In training, a video that cannot be read is logged and counted, and another sample is drawn instead. In
    testing, it stops the run or is scored as wrong. A sample drawn by ``SeededSampler`` is augmented from a
    random state of its own.

    Args:
        max_broken: Share of the samples that may be broken before training stops. Each data worker judges
            the samples that it drew, with a tolerance for chance of five standard deviations above the share.
        broken_as_wrong: Whether testing continues with black frames and marks the sample as ``broken``, which
            :class:`AccuracyMetric` and :class:`VerbNounMetric` count as wrong and report.

    Raises:
        VideoError: If a video cannot be read. The message names the video.
    """

    test_mode: bool

    def __init__(self, *args, max_broken: float = 0.05, broken_as_wrong: bool = False, **kwargs) -> None:
        self.max_broken, self.broken_as_wrong = max_broken, broken_as_wrong
        self.drawn = self.broken = 0
        super().__init__(*args, **kwargs)

    def prepare_data(self, idx: int) -> Optional[Any]:
        """Runs one sample through the pipeline; returns None, to draw another, if its video is broken."""
        self.drawn += 1
        if isinstance(idx, SeededIndex):
            seed_all(*idx.seed)
        try:
            return super().prepare_data(idx)  # type: ignore[misc]
        except VideoError as error:
            if not self.test_mode:
                self.count(error)
                return None
            if not self.broken_as_wrong:
                raise
            print_log(f'{error}. Scored as wrong', logger='current', level=logging.ERROR)
        sample = self.pipeline({**self.get_data_info(idx), 'broken': True})  # type: ignore[attr-defined]
        sample['data_samples'].set_metainfo(dict(broken=True))
        return sample

    def count(self, error: VideoError) -> None:
        """Logs one broken video, and stops if there are too many."""
        self.broken += 1
        # ERROR, because all processes except the first suppress lower levels
        print_log(f'{error}. Another sample takes its place; {self.broken} of {self.drawn} drawn by this '
                  'data worker were broken so far', logger='current', level=logging.ERROR)
        expected = self.max_broken * self.drawn
        if self.broken > expected + (5 * max(expected, 1)**0.5 if expected else 0):
            raise VideoError(
                f'{self.broken} of the first {self.drawn} videos drawn by this data worker are broken, more '
                f'than max_broken={self.max_broken} allows; the last: {error}. tools/data/check.py lists '
                'them all') from error
