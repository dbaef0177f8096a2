"""What is done with an uploaded file, in a process with limits."""
import ctypes
import math
import os
import resource
import signal
from typing import Any, Dict, List

from mmengine.dataset import Compose
from mmengine.utils import import_modules_from_strings

from mmaction.utils import register_all_modules

from ..datasets import WindowReader
from ..utils import InputError
from .limits import Limits, VideoRefused
from .messages import pack, send
from .preview import encode
from .probe import BoundedStream, check

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, M_ARENA_MAX = 1, 38, -8  # of Linux and glibc
WORDS_FOR_MEMORY = 'memory', 'alloc'


class Jobs:
    """Decodes files by the pipelines of a config.

    Args:
        pipelines: Configs of the transforms by name: ``test`` and ``val``.
        imports: The config's ``custom_imports``.
    """

    def __init__(self, pipelines: Dict[str, List[dict]], imports: Dict[str, Any]) -> None:
        register_all_modules()
        if imports:
            import_modules_from_strings(**imports)
        self.pipelines = pipelines
        self.composed = {name: Compose(pipeline) for name, pipeline in pipelines.items()}

    def clip(self, out: int, path: str, limits: Limits, views: str) -> None:
        """Sends the views of the whole video."""
        given = dict(filename=path, sound=path, label=-1, start_index=0, modality='RGB')
        pack(lambda *message: send(out, *message), self.composed[views](given))

    def windows(self, out: int, path: str, limits: Limits, length: float, stride: float) -> None:
        """Sends windows while they are read."""
        reader = WindowReader(self.pipelines['val'], length, stride)
        with BoundedStream(path, reader.listen is not None, limits) as stream:
            for start, stop, sample in reader(stream):
                pack(lambda *message: send(out, *message), sample, start=start, stop=stop)

    def preview(self, out: int, path: str, limits: Limits, target: str) -> None:
        """Writes a small copy that browsers play."""
        encode(BoundedStream(path, True, limits), target)

    def run(self, out: int, job: str, path: str, limits: Limits, arguments: Dict[str, Any]) -> None:
        """Does a job in this process, which must be a new one.

        Args:
            out: Where the messages are written, of which the last one is the answer.
            job: ``clip``, ``windows`` or ``preview``.
            path: The file.
            limits: What its decoding may cost.
            arguments: Of the job.
        """
        restrict(limits)
        try:
            check(path, limits)
            getattr(self, job)(out, path, limits, **arguments)
            answer: Dict[str, Any] = dict(done=True)
        except VideoRefused as error:
            answer = dict(refused=error.kind, message=str(error))
        except Exception as error:  # a hostile file can raise anything in the libraries that read it
            answer = explain(error, limits)
        send(out, answer)


def explain(error: BaseException, limits: Limits) -> Dict[str, Any]:
    """Returns the answer for an error while a file is read."""
    causes = [error, *filter(None, (error.__cause__, error.__context__))]
    for cause in causes:
        if isinstance(cause, MemoryError) or any(word in str(cause).lower() for word in WORDS_FOR_MEMORY):
            return dict(refused='out of memory', message='decoding the video takes more than '
                        f'{limits.memory / 2**20:.0f} MiB of memory')
    reason = type(error.__cause__ or error if isinstance(error, InputError) else error).__name__
    return dict(
        refused='unreadable', message=f'the video cannot be decoded ({reason}); is the file complete?')


def restrict(limits: Limits) -> None:
    """Sets the limits of this process, which leads a group of its own and dies with its parent."""
    os.setsid()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.mallopt(M_ARENA_MAX, 1)  # each further one would reserve 64 MiB of address space
    with open('/proc/self/statm', encoding='ascii') as file:
        libraries = int(file.read().split()[0]) * resource.getpagesize()
    cpu = math.ceil(limits.cpu)
    for what, soft, hard in (
            (resource.RLIMIT_AS, libraries + limits.memory, libraries + limits.memory),
            (resource.RLIMIT_CPU, cpu, cpu + 1), (resource.RLIMIT_FSIZE, limits.output, limits.output),
            (resource.RLIMIT_NOFILE, limits.files, limits.files), (resource.RLIMIT_CORE, 0, 0)):
        resource.setrlimit(what, (soft, hard))
