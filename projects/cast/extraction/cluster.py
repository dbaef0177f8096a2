"""Extraction on a cluster: Ray Data decodes on all CPUs, and the model runs in actors."""
import logging
import math
import os
import pickle
import socket
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
    host, _, port = address.removeprefix('ray://').rpartition(':')
    try:
        if port.isdigit():  # Ray itself would try for minutes
            socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise no_cluster(address, error) from error
    cpus = max(os.cpu_count() or 1, 4)  # fewer would not be enough to try it on a small machine
    new = dict(include_dashboard=False, num_cpus=cpus) if address == 'local' else {}
    try:
        ray.init(address, log_to_driver=False, logging_level='error', **new)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise no_cluster(address, error) from error
    return ray


def no_cluster(address: str, error: Exception) -> InputError:
    """Returns the error of an address that does not answer."""
    return InputError(f'--ray {address}: there is no such cluster ({str(error).splitlines()[0]}); start it '
                      'by `ray start`, or give the address that this printed')


class Model:
    """An actor that computes the arrays of batches.

    An :class:`InputError` of a batch is passed on as its result, as Ray would bury it in tracebacks.

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
        batch = pickle.loads(row['batch'])
        try:
            result = batch if isinstance(batch, InputError) else computed(self.extractor, batch)
        except InputError as error:
            result = error
        return dict(result=pickle.dumps(result))


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
        InputError: If the cluster is too small, or a job cannot be done because of its input.
    """
    ray: Any = library('ray', '--ray', INSTALL)
    nodes = [node['Resources'] for node in ray.nodes() if node['Alive']]
    has = {name: sum(int(node.get(name, 0)) for node in nodes) for name in ('CPU', 'GPU')}
    device = device.partition(':')[0] if device else 'cuda' if has['GPU'] else 'cpu'
    actors = actors or (has['GPU'] if device == 'cuda' else 0) or 1
    room = sum(int(min(node.get('CPU', 0) // CPUS[device],
                       node.get('GPU', 0) if device == 'cuda' else math.inf)) for node in nodes)
    if room < actors or has['CPU'] <= actors * CPUS[device]:
        raise InputError(f'{actors} actors on {device} need {CPUS[device]} CPUs each'
                         f'{" and a GPU" if device == "cuda" else ""} on one machine, and decoding needs one '
                         f'more; there is room for {room} on machines with {has["CPU"]} CPUs and '
                         f'{has["GPU"]} GPUs in all; take fewer --actors, or add machines')

    def decode(row: Dict[str, bytes]) -> Iterator[Dict[str, bytes]]:
        try:
            for batch in read(*pickle.loads(row['job'])):
                yield dict(batch=pickle.dumps(batch))
        except InputError as error:
            yield dict(batch=pickle.dumps(error))

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
            result = pickle.loads(row['result'])
            if isinstance(result, InputError):
                raise result
            yield result

    return written(todo, results(), store, extractor.names)
