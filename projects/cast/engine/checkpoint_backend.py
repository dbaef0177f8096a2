"""Checkpoints that are there whole or not at all."""
import os

from mmengine.fileio import LocalBackend, register_backend


class AtomicBackend(LocalBackend):
    """Writes beside the file first: a run killed while it saves leaves the older checkpoints as they were.

    Used by ``default_hooks.checkpoint.backend_args=dict(backend='atomic')``.
    """

    def put(self, obj: bytes, filepath) -> None:
        """Writes ``obj``, then puts it in its place."""
        part = f'{filepath}.part'
        os.makedirs(os.path.dirname(part) or '.', exist_ok=True)
        with open(part, 'wb') as file:
            file.write(obj)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, filepath)


register_backend('atomic', AtomicBackend, force=True)
