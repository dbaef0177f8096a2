"""Checkpoints that are written completely or not at all."""
import os

from mmengine.fileio import LocalBackend, register_backend


class AtomicBackend(LocalBackend):
    """Writes to another file first, so that a run killed while saving leaves older checkpoints intact.

    Enabled by ``default_hooks.checkpoint.backend_args=dict(backend='atomic')``.
    """

    def put(self, obj: bytes, filepath) -> None:
        """Writes ``obj`` to a temporary file, which then replaces ``filepath``."""
        part = f'{filepath}.part'
        os.makedirs(os.path.dirname(part) or '.', exist_ok=True)
        with open(part, 'wb') as file:
            file.write(obj)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, filepath)


register_backend('atomic', AtomicBackend, force=True)
