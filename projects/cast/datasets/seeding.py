"""Random states that depend only on (seed, epoch, sample), not on what ran before.

As a result, the same seed gives the same run with any number of data workers except none, and a resumed run
continues as the uninterrupted one would have.
"""
import random
from typing import Iterator, Tuple

import numpy as np
import torch
from mmengine.dataset import DefaultSampler

from mmaction.registry import DATA_SAMPLERS

EPOCH, SAMPLE = 1, 2  # purpose of a seed, so that no two seeds are the same


def seed_all(*entropy: int) -> None:
    """Seeds the generators of Python, numpy and torch from some numbers."""
    seed = int(np.random.SeedSequence(entropy).generate_state(1)[0])
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


class SeededIndex(int):
    """A sample index that also carries the seed of the sample's augmentation to the data worker.

    mmengine's ``ConcatDataset`` and ``RepeatDataset`` compute the index within a member from it; the seed,
    which was made from the overall index, is kept. (``ClassBalancedDataset`` looks the index up in a list and
    loses the seed, but it needs ``get_cat_ids``, which MMAction2's datasets do not have.)
    """

    seed: Tuple[int, ...]

    def __new__(cls, index: int, seed: Tuple[int, ...]):
        self = super().__new__(cls, index)
        self.seed = seed
        return self

    def __getnewargs__(self):
        return int(self), self.seed

    def __sub__(self, other: int) -> 'SeededIndex':
        return SeededIndex(int(self) - other, self.seed)

    def __mod__(self, other: int) -> 'SeededIndex':
        return SeededIndex(int(self) % other, self.seed)


@DATA_SAMPLERS.register_module()
class SeededSampler(DefaultSampler):
    """mmengine's ``DefaultSampler`` whose indices carry seeds, which are new in each epoch.

    Args:
        repeats: How often a sample is drawn in a row, with a new augmentation each time: repeated
            augmentation (https://arxiv.org/abs/1901.09335). The epoch, and the batch it takes, grow as much.
        kwargs: See mmengine's ``DefaultSampler``.
    """

    def __init__(self, dataset, repeats: int = 1, **kwargs) -> None:
        super().__init__(dataset, **kwargs)
        self.repeats = repeats

    def __iter__(self) -> Iterator[int]:
        for index in super().__iter__():
            for repeat in range(self.repeats):
                yield SeededIndex(index, (SAMPLE, self.seed, self.epoch, index, repeat))

    def __len__(self) -> int:
        return super().__len__() * self.repeats
