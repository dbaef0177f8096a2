"""A process that has loaded the libraries, and forks itself for each uploaded file.

Starting Python with torch would take seconds for each file. The standard library's fork server imports the
main script again in every process, which takes as long where that is a web server.
"""
import gc
import json
import os
import pickle
import select
import signal
import socket
import struct
from typing import Dict

import cv2

from .jobs import Jobs
from .limits import Limits

NUMBER = struct.Struct('<i')
REQUEST = 2**16  # bytes


def main(fd: int) -> None:
    """Serves requests until the other end of the socket ``fd`` is closed."""
    control = socket.socket(fileno=fd)
    jobs = Jobs(**pickle.loads(control.recv(REQUEST)))  # from the server itself
    cv2.setNumThreads(0)
    gc.freeze()  # what is never written to stays shared
    control.send(b'ready')
    wake, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: Dict[int, int] = {}  # by process, where its end is told
    while True:
        ready, _, _ = select.select([fd, wake], [], [])
        if wake in ready:
            os.read(wake, REQUEST)
            bury(running)
        if fd in ready:
            text, (*fds, ), _, _ = socket.recv_fds(control, REQUEST, 2)
            if not text:
                break
            out, status = fds
            process = os.fork()
            if process == 0:
                become_job(jobs, out, [fd, wake, woken, status, *running.values()], text)
            os.close(out)
            running[process] = status
            tell(status, process)
    for process in running:
        kill(process)
    os._exit(0)  # without a look at what was frozen


def become_job(jobs: Jobs, out: int, private: list, text: bytes) -> None:
    """Does what is asked for in this new process, and ends it."""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for fd in private:
            os.close(fd)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for fd in (1, 2):
            os.dup2(nowhere, fd)  # what decoders print
        request = json.loads(text)
        jobs.run(out, **{**request, 'limits': Limits(**request['limits'])})
        os._exit(0)
    finally:
        os._exit(1)


def bury(running: Dict[int, int]) -> None:
    """Tells how processes ended."""
    while running:
        process, status = os.waitpid(-1, os.WNOHANG)
        if not process:
            return
        tell(running[process], status)
        os.close(running.pop(process))


def tell(fd: int, number: int) -> None:
    """Writes a number for someone who may have stopped listening."""
    try:
        os.write(fd, NUMBER.pack(number))
    except BrokenPipeError:
        pass


def kill(process: int) -> None:
    """Kills a process and all that it started."""
    for end in (os.killpg, os.kill):  # it leads its group as soon as it runs
        try:
            end(process, signal.SIGKILL)
        except ProcessLookupError:
            pass
