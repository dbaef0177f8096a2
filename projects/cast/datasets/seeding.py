"""Random states that follow from (seed, epoch, sample), not from what ran before.

So the same seed gives the same run with any number of data workers but none, and a resumed run goes on as
the uninterrupted one would have.
"""
import random
from typing import Iterator, Tuple

import numpy as np
import torch
from mmengine.dataset import DefaultSampler

from mmaction.registry import DATA_SAMPLERS

EPOCH, SAMPLE = 1, 2  # what a seed is for, so that no two are the same


def seed_all(*entropy: int) -> None:
    """Seeds Python's, numpy's and torch's generators from some numbers."""
    seed = int(np.random.SeedSequence(entropy).generate_state(1)[0])
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


class SeededIndex(int):
    """The index of a sample that also carries the seed of its augmentation to the data worker.

    mmengine's ``ConcatDataset`` and ``RepeatDataset`` compute the index within a member from it; the seed,
    made from the index in the whole, stays. (``ClassBalancedDataset`` looks it up in a list instead and
    loses the seed, but it needs ``get_cat_ids``, which MMAction2's data sets do not have.)
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
    """mmengine's ``DefaultSampler`` whose indices carry a seed of their own, new in each epoch.

    Args:
        repeats: how often a sample is drawn in a row, augmented anew each time: repeated augmentation
            (https://arxiv.org/abs/1901.09335). The epoch, and the batch it takes, grow as much.
        kwargs: see mmengine's ``DefaultSampler``.
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
