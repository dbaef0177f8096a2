"""Decoding of files that strangers upload."""
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from typing import Any, Dict, Iterator, Optional, Tuple

from mmengine import Config

from ..datasets import WindowReader, check_window, pipeline_of
from ..utils import InputError, library
from .fork_server import NUMBER, kill
from .limits import KINDS, Limits, VideoRefused
from .messages import BrokenMessage, Message, read, receive, unpack

INSTALL = 'pip install -e ".[serve]"'
START, END = 120., 2.  # seconds for loading the libraries, and for ending after an answer
START_COMMAND = 'import sys; from projects.cast.serving.fork_server import main; main(int(sys.argv[1]))'
CRASHED = 'the video cannot be decoded (the decoder crashed); is the file complete?'


class Guard:
    """Decodes each uploaded file in a process with limits on time, memory, files and output.

    Usage::

        with Guard(config) as guard:
            sample = guard.clip('upload')            # what inference_recognizer gives the model
            model.test_step(pseudo_collate([sample]))

    It may be used from several threads; each call has a process of its own, which has ended when the call
    has. A call fails with :class:`VideoRefused` if the file is at fault, whatever it makes the decoder do.

    Args:
        config: A config with ``test_dataloader`` and, for windows, ``val_dataloader``.
        limits: What the decoding of a file may cost.

    Attributes:
        no_windows: Why the config's validation pipeline cannot read windows; empty if it can.

    Raises:
        InputError: If the config has no test pipeline, its pipelines cannot be built, or PyAV is missing.
    """

    def __init__(self, config: Config, limits: Limits = Limits()) -> None:
        library('av', 'decoding uploads', INSTALL)
        pipelines, self.no_windows = dict(test=plain(pipeline_of(config))), ''
        try:
            pipelines['val'] = plain(pipeline_of(config, 'val'))
            WindowReader(pipelines['val'], 1., 1.)
        except InputError as error:
            self.no_windows = str(error)
        self.job = pickle.dumps(dict(pipelines=pipelines, imports=plain(config.get('custom_imports', {}))))
        self.limits = limits
        self.lock = threading.Lock()
        self.process: Optional[subprocess.Popen] = None
        with self.lock:
            self.launch()

    def launch(self) -> None:
        """Starts the process that forks itself."""
        self.end()
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, '-c', START_COMMAND, str(theirs.fileno())], pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL, start_new_session=True,  # Ctrl-C is for the server
                env={**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, sys.path)),
                     'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': ''})
        self.control.settimeout(START)
        self.control.send(self.job)
        if self.control.recv(16) != b'ready':
            self.end()
            raise InputError('the process that decodes cannot start; the reason is above')

    def start(self, request: Dict[str, Any]) -> Tuple[int, int, int]:
        """Starts a process; returns its id, and where its messages and its end can be read."""
        out, theirs = os.pipe2(os.O_CLOEXEC)
        status, told = os.pipe2(os.O_CLOEXEC)
        try:
            with self.lock:
                if self.process is None:
                    raise RuntimeError('the guard is closed')
                if self.process.poll() is not None:
                    self.launch()
                socket.send_fds(self.control, [json.dumps(request).encode()], [theirs, told])
        except BaseException:
            os.close(out)
            os.close(status)
            raise
        finally:
            os.close(theirs)
            os.close(told)
        try:
            return number(status, START), out, status
        except EOFError:
            os.close(out)
            os.close(status)
            raise RuntimeError('the process that decodes has ended') from None

    def run(self, job: str, path: str, stop: Optional[threading.Event] = None,
            **arguments: Any) -> Iterator[Message]:
        """Does a job of :class:`Jobs` on a file, and yields its messages.

        Only the time that is spent waiting for the process counts.

        Raises:
            VideoRefused: If the file is at fault.
            Stopped: If ``stop`` is set; the process has ended then.
        """
        process, out, status = self.start(dict(
            job=job, path=str(path), limits=asdict(self.limits), arguments=arguments))
        left, answered, ended = self.limits.wall, False, False
        try:
            while True:
                began = time.monotonic()
                try:
                    message = receive(out, left, self.limits.output, stop)
                except TimeoutError:
                    raise VideoRefused('timed out', 'decoding the video takes longer than '
                                       f'{self.limits.wall:g} s') from None
                except BrokenMessage:
                    raise VideoRefused('unreadable', CRASHED) from None
                except EOFError:
                    answered = ended = True
                    raise self.reason(end_of(process, status)) from None
                left -= time.monotonic() - began
                answered = 'refused' in message.note or bool(message.note.get('done'))
                if 'refused' in message.note:
                    kind = message.note['refused']
                    raise VideoRefused(kind if kind in KINDS else 'unreadable',
                                       ' '.join(str(message.note.get('message')).split())[:300])
                if answered:
                    return
                yield message
        finally:
            if not answered:
                kill(process)
            os.close(out)  # it cannot write any more
            if not ended:
                end_of(process, status)
            os.close(status)

    def reason(self, status: int) -> VideoRefused:
        """Returns why a process ended without an answer."""
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
            return VideoRefused('timed out', f'decoding the video takes more than {self.limits.cpu:g} s of '
                                'computing')
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:  # by the system
            return VideoRefused('out of memory', 'decoding the video takes more memory than there is')
        return VideoRefused('unreadable', CRASHED)

    def clip(self, path: str, views: str = 'test', stop: Optional[threading.Event] = None) -> Dict[str, Any]:
        """Returns the output of the config's pipeline for a whole video.

        Args:
            path: The file.
            views: Whose pipeline is used: ``test`` or ``val``.
            stop: Ends the call with :class:`Stopped` once it is set.

        Raises:
            VideoRefused: If the file is at fault.
        """
        return [unpack(message) for message in self.run('clip', path, stop, views=views)][0]

    def windows(self, path: str, length: float, stride: float,
                stop: Optional[threading.Event] = None) -> Iterator[Tuple[float, float, Dict[str, Any]]]:
        """Yields start and stop of each window, in seconds, and its sample, as :class:`WindowReader` does.

        Its pipeline is the config's for validation.

        Args:
            path: The file.
            length, stride: Length of a window, and from the start of one to that of the next, in seconds.
            stop: Ends the call with :class:`Stopped` once it is set.

        Raises:
            VideoRefused: If the file is at fault.
            InputError: If the numbers are not positive, or the pipeline cannot read windows.
        """
        if self.no_windows:
            raise InputError(self.no_windows)
        check_window(length, stride)  # here, an error is not that of the file
        for message in self.run('windows', path, stop, length=length, stride=stride):
            yield float(message.note['start']), float(message.note['stop']), unpack(message)

    def preview(self, path: str, target: str, stop: Optional[threading.Event] = None) -> None:
        """Writes a small MP4 that browsers play.

        Args:
            path: The file.
            target: File to write; its name is the caller's, never that of the upload.
            stop: Ends the call with :class:`Stopped` once it is set.

        Raises:
            VideoRefused: If the file is at fault. There may be a part of the target then.
        """
        for _ in self.run('preview', path, stop, target=str(target)):
            pass

    def end(self) -> None:
        """Ends the process, and with it all that it started."""
        if self.process is not None:
            self.control.close()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def __enter__(self) -> 'Guard':
        return self

    def __exit__(self, *error) -> None:
        with self.lock:
            self.end()


def end_of(process: int, status: int) -> int:
    """Waits until a process has ended, and returns how; it is killed if it takes long."""
    try:
        return number(status, END)
    except TimeoutError:
        kill(process)
        return number(status, START)
    except EOFError:  # the process that forks itself was killed, and this one with it
        return signal.SIGKILL


def number(fd: int, seconds: float) -> int:
    """Reads a number that the process that forks itself tells."""
    return NUMBER.unpack(read(fd, NUMBER.size, time.monotonic() + seconds))[0]


def plain(config: Any) -> Any:
    """Converts a part of a config to plain dicts and lists."""
    if isinstance(config, dict):
        return {key: plain(value) for key, value in config.items()}
    return type(config)(map(plain, config)) if isinstance(config, (list, tuple)) else config
