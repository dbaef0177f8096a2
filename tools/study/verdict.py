"""Intervals of the study's accuracies, and what follows from them.

The rule was fixed before the runs that are reported. That a row is better than another in a task *holds* if
both 95 % intervals of the difference of their accuracies are above 0: Student's over the seeds, and that of a
bootstrap over seeds and clips. It *does not* hold if both are below 0. Otherwise, it is *undecided*.
"""
from typing import Dict, List, NamedTuple, Sequence, Tuple

import numpy as np
from numpy import ndarray
from scipy import stats

HOLDS, DOES_NOT, UNDECIDED = 'holds', 'does not', 'undecided'
DRAWS = 2000  # of the bootstrap

Runs = Dict[int, Dict[str, ndarray]]  # by seed and task: whether each clip is right, (N, )


class Interval(NamedTuple):
    """A mean with its 95 % interval, in points."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f'{self.mean:.1f} ({self.low:.1f} to {self.high:.1f})'


def over_seeds(values: Sequence[float]) -> Interval:
    """Returns the mean with Student's interval; it is unlimited if there is only one value."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return Interval(mean, -np.inf, np.inf)
    half = stats.t.ppf(0.975, len(values) - 1) * float(stats.sem(values))
    return Interval(mean, mean - half, mean + half)


def accuracies(runs: Runs, task: str) -> List[float]:
    """Returns the accuracy of each seed in percent."""
    return [100 * float(np.mean(runs[seed][task])) for seed in sorted(runs)]


def bootstrap(difference: ndarray, draws: int = DRAWS) -> Interval:
    """Returns the mean difference of two rows, with the interval of a bootstrap over both seeds and clips.

    Args:
        difference: Whole numbers 1, 0 or -1 by seed and clip, ``(S, N)``; the rows are paired by both.
        draws: Number of draws.
    """
    rng, (seeds, clips) = np.random.default_rng(0), difference.shape
    means = []
    for _ in range(draws):  # how often each seed and clip is drawn: whole numbers, whose sum is exact
        seed, clip = (np.bincount(rng.integers(n, size=n), minlength=n) for n in (seeds, clips))
        means.append(100 * int(seed @ difference @ clip) / difference.size)
    low, high = np.percentile(means, (2.5, 97.5))
    return Interval(100 * float(difference.mean()), float(low), float(high))


def compare(better: Runs, worse: Runs, task: str) -> Tuple[str, Interval, Interval]:
    """Compares two rows in a task, by the seeds that both have.

    Returns:
        The verdict, and the difference with both intervals: over seeds, and bootstrapped.
    """
    seeds = sorted(set(better) & set(worse))
    if not seeds:
        return UNDECIDED, Interval(np.nan, -np.inf, np.inf), Interval(np.nan, -np.inf, np.inf)
    difference = np.stack([better[s][task].astype(int) - worse[s][task] for s in seeds])
    both = over_seeds([100 * float(d.mean()) for d in difference]), bootstrap(difference)
    above, below = all(i.low > 0 for i in both), all(i.high < 0 for i in both)
    return (HOLDS if above else DOES_NOT if below else UNDECIDED, *both)


def together(verdicts: Sequence[str]) -> str:
    """Returns the verdict of a claim that consists of several comparisons, all of which must hold."""
    if DOES_NOT in verdicts:
        return DOES_NOT
    return HOLDS if verdicts and set(verdicts) == {HOLDS} else UNDECIDED
