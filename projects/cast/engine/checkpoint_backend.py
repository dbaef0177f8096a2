"""Checkpoints, and other files, that are written completely or not at all."""
import os

from mmengine.fileio import LocalBackend, register_backend


def write_whole(data: bytes, path: str, part: str) -> None:
    """Writes a file completely or not at all.

    Args:
        data: Its content.
        path: The file, which is replaced if it is there.
        part: Another file of the same folder, to which the content is written first.
    """
    os.makedirs(os.path.dirname(part) or '.', exist_ok=True)
    try:
        with open(part, 'wb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        if os.path.exists(part):
            os.remove(part)
        raise


class AtomicBackend(LocalBackend):
    """Writes to another file first, so that a run killed while saving leaves older checkpoints intact.

    Enabled by ``default_hooks.checkpoint.backend_args=dict(backend='atomic')``.
    """

    def put(self, obj: bytes, filepath) -> None:
        """Writes ``obj`` to a temporary file, which then replaces ``filepath``."""
        write_whole(obj, filepath, f'{filepath}.part')


register_backend('atomic', AtomicBackend, force=True)
