"""Numbers of a server in Prometheus' text format."""
import bisect
import resource
import time
from contextlib import contextmanager
from typing import Callable, Dict, Iterator, List, Sequence, Tuple

SECONDS = 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1., 2.5, 5., 10., 30., 60.
SIZES = 1, 2, 4, 8, 16, 32, 64


class Metric:
    """Counts of events by the values of one label.

    Args:
        name, about: Its name and what it is.
        label: Name of the label.
        buckets: Upper bounds of a histogram of what is observed; without, events are counted alone.
    """

    def __init__(self, name: str, about: str, label: str, buckets: Sequence[float] = ()) -> None:
        self.name, self.about, self.label, self.buckets = name, about, label, buckets
        self.counts: Dict[str, List[int]] = {}
        self.sums: Dict[str, float] = {}

    def add(self, label: str, value: float = 1.) -> None:
        """Adds an event."""
        counts = self.counts.setdefault(label, [0] * (len(self.buckets) + 1))
        counts[bisect.bisect_left(self.buckets, value)] += 1
        self.sums[label] = self.sums.get(label, 0.) + value

    def lines(self) -> List[str]:
        """Returns the lines of this metric."""
        kind = 'histogram' if self.buckets else 'counter'
        lines = [f'# HELP {self.name} {self.about}', f'# TYPE {self.name} {kind}']
        for value, counts in list(self.counts.items()):
            label, total = f'{self.label}="{value}"', sum(counts)
            if not self.buckets:
                lines.append(f'{self.name}{{{label}}} {total}')
                continue
            bounds = [*(f'{bound:g}' for bound in self.buckets), '+Inf']
            lines += [f'{self.name}_bucket{{{label},le="{bound}"}} {sum(counts[:i + 1])}'
                      for i, bound in enumerate(bounds)]
            lines += [f'{self.name}_sum{{{label}}} {self.sums[value]:.6f}',
                      f'{self.name}_count{{{label}}} {total}']
        return lines


class Metrics:
    """All numbers of the server; those that are no counts are asked for when they are read."""

    def __init__(self) -> None:
        self.requests = Metric('cast_requests_total', 'Answers by status.', 'status')
        self.refused = Metric('cast_refused_videos_total', 'Videos that were not decoded, by reason.', 'kind')
        self.seconds = Metric(
            'cast_seconds', 'Seconds of a request, and of its upload, decoding and scoring.', 'part', SECONDS)
        self.batches = Metric('cast_batch_size', 'Samples that the model saw at a time.', 'model', SIZES)
        self.gauges: List[Tuple[str, str, Callable[[], float]]] = [
            ('process_resident_memory_bytes', 'Memory of the server itself.', memory)]

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Measures a part of a request, also if it fails."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds.add(part, time.monotonic() - began)

    def text(self) -> str:
        """Returns what Prometheus reads."""
        lines = [line for metric in (self.requests, self.refused, self.seconds, self.batches)
                 for line in metric.lines()]
        for name, about, value in self.gauges:
            lines += [f'# HELP {name} {about}', f'# TYPE {name} gauge', f'{name} {value():.0f}']
        return '\n'.join(lines) + '\n'


def memory() -> float:
    """Returns the resident memory of this process, in bytes."""
    with open('/proc/self/statm', encoding='ascii') as file:
        return int(file.read().split()[1]) * float(resource.getpagesize())
