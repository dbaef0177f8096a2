"""Extraction on a cluster: Ray Data decodes on all CPUs, and the model runs in actors."""
import logging
import os
import pickle
from typing import Any, Dict, Iterator, Optional

from ..utils import InputError, library
from .extractor import Extractor
from .reading import Read
from .run import Plan, Result, Step, computed, written
from .store import Store

INSTALL = "pip install -e '.[ray]'"
MOST_TASKS = 10000  # the driver keeps account of each
CPUS = dict(cuda=1, cpu=2)  # of an actor; Ray would fuse it with decoding if both asked for the same


def connect(address: Optional[str] = None) -> Any:
    """Connects to a cluster, and returns the package ``ray``.

    Args:
        address: That of a cluster, ``auto`` for the one that this machine belongs to, or ``local`` for a new
            one on this machine alone. None means that of ``RAY_ADDRESS``, if it is set, and otherwise
            ``local``.

    Raises:
        InputError: If the library is missing, or there is no such cluster.
    """
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
    ray: Any = library('ray', '--ray', INSTALL)
    library('ray.data', '--ray', INSTALL)
    address = address or os.environ.get('RAY_ADDRESS', 'local')
    cpus = max(os.cpu_count() or 1, 4)  # fewer would not be enough to try it on a small machine
    new = dict(include_dashboard=False, num_cpus=cpus) if address == 'local' else {}
    try:
        ray.init(address, log_to_driver=False, logging_level='error', **new)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InputError(f'--ray {address}: there is no such cluster ({str(error).splitlines()[0]}); start '
                         'it by `ray start`, or give the address that this printed') from error
    return ray


class Model:
    """An actor that computes the arrays of batches.

    Args:
        extractor: Reference of the extractor.
        device: Where its model runs.
        compiled: Whether to compile its backbone.
    """

    def __init__(self, extractor: Any, device: str, compiled: bool) -> None:
        import ray
        self.extractor: Extractor = ray.get(extractor)
        self.extractor.model.to(device)
        if compiled:
            self.extractor.model.backbone.compile()

    def __call__(self, row: Dict[str, bytes]) -> Dict[str, bytes]:
        return dict(result=pickle.dumps(computed(self.extractor, pickle.loads(row['batch']))))


def extract_on_ray(todo: Plan, read: Read, extractor: Extractor, store: Store, actors: int = 0,
                   device: Optional[str] = None, compiled: bool = False) -> Iterator[Step]:
    """Extracts all parts of a plan on the cluster that this process is connected to.

    Jobs are read by as many tasks as the cluster has free CPUs. This process writes the parts, of which
    those that are complete are what a later run need not do again.

    Args:
        todo: What is to be done.
        read: Reads the clips of a job.
        extractor: Computes arrays; its model is on the CPU.
        store: Where they go.
        actors: Number of copies of the model. By default, one for each GPU, or a single one without any.
        device: ``cuda`` or ``cpu``, by default ``cuda`` if the cluster has GPUs.
        compiled: Whether to compile the backbone.

    Raises:
        InputError: If the cluster is too small.
    """
    ray: Any = library('ray', '--ray', INSTALL)
    has = {name: int(ray.cluster_resources().get(name, 0)) for name in ('CPU', 'GPU')}
    device = device.partition(':')[0] if device else 'cuda' if has['GPU'] else 'cpu'
    actors = actors or (has['GPU'] if device == 'cuda' else 0) or 1
    needs = dict(CPU=actors * CPUS[device] + 1, GPU=actors if device == 'cuda' else 0)
    if any(has[name] < needs[name] for name in needs):
        raise InputError(f'{actors} actors on {device} need {needs["CPU"]} CPUs, one of them to decode, and '
                         f'{needs["GPU"]} GPUs; the cluster has {has["CPU"]} and {has["GPU"]}')

    def decode(row: Dict[str, bytes]) -> Iterator[Dict[str, bytes]]:
        for batch in read(*pickle.loads(row['job'])):
            yield dict(batch=pickle.dumps(batch))

    def results() -> Iterator[Result]:
        ray.data.DataContext.get_current().enable_progress_bars = False
        logging.getLogger('ray.data').setLevel(logging.ERROR)
        model = ray.put(extractor)  # kept here, for actors that are started again
        jobs = [dict(job=pickle.dumps((job, todo.jobs[job]))) for jobs in todo.parts.values() for job in jobs]
        rows = ray.data.from_items(jobs, override_num_blocks=min(len(jobs), MOST_TASKS))
        rows = rows.flat_map(decode).map(
            Model, fn_constructor_args=[model, device, compiled], num_cpus=CPUS[device],
            num_gpus=int(device == 'cuda'), compute=ray.data.ActorPoolStrategy(size=actors))
        for row in rows.iter_rows():
            yield pickle.loads(row['result'])

    return written(todo, results(), store)
