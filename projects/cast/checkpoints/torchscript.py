"""Reads the tensors of a TorchScript archive, the format in which OpenAI distributes CLIP, and no code.

``torch.jit.load`` runs the ``__setstate__`` of the modules in an archive, which can write to any file.
"""
import os
import pickle
import zipfile
from collections import OrderedDict
from io import BytesIO
from typing import Any, Dict, Iterator, Set, Tuple

import torch
from torch import Tensor

from ..utils import InputError

MODULES, TREE = '__torch__', 'data.pkl'
TYPED = *(f'build_{kind}list' for kind in ('int', 'double', 'bool', 'tensor')), 'restore_type_tag'


class Foreign(Exception):
    """An archive holds something else than modules with tensors and plain values."""


class Node:
    """Stands for an object of the archive, such as a module, and keeps its attributes."""

    state: Dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise Foreign('a module that is read by code of its own')
        self.state = state


def untyped(value: Any, *_: Any) -> Any:
    """Stands for torch's functions that give lists and dicts a type, which are those in ``TYPED``."""
    return value


def rebuild(storage: Tensor, offset: int, size: Tuple[int, ...], stride: Tuple[int, ...], *_: Any) -> Tensor:
    """Returns a view of a storage; torch checks that it is within its bounds."""
    return storage.as_strided(size, stride, offset)


class Unpickler(pickle.Unpickler):
    """Builds plain values, tensors and :class:`Node` from the tree of an archive, and refuses all else."""

    def __init__(self, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(BytesIO(stored(archive, root + TREE)))
        self.archive, self.root = archive, root
        self.storages: Dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module.partition('.')[0] == MODULES:
            return Node
        if (module, name) == ('torch._utils', '_rebuild_tensor_v2'):
            return rebuild
        if (module, name) == ('collections', 'OrderedDict'):
            return OrderedDict
        if module == 'torch.jit._pickle' and name in TYPED:
            return untyped
        dtype = getattr(getattr(torch, name, None), 'dtype', None) if name.endswith('Storage') else None
        if module == 'torch' and isinstance(dtype, torch.dtype):
            return dtype
        raise Foreign(f'{module}.{name}')

    def persistent_load(self, pid: Any) -> Tensor:
        _, dtype, key, *_ = pid
        if key not in self.storages:
            data = bytearray(stored(self.archive, f'{self.root}data/{key}'))
            self.storages[key] = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
        return self.storages[key]


def stored(archive: zipfile.ZipFile, name: str) -> bytes:
    """Returns an entry of an archive; torch does not compress those with data."""
    if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
        raise Foreign('compressed data')
    return archive.read(name)


def tensors_below(node: Node, prefix: str, seen: Set[Node]) -> Iterator[Tuple[str, Tensor]]:
    """Yields the tensors of a module and of those in it, with their names; each module has one name."""
    seen.add(node)
    for name, value in node.state.items():
        if isinstance(value, Tensor):
            yield f'{prefix}{name}', value
        elif isinstance(value, Node) and value not in seen:
            yield from tensors_below(value, f'{prefix}{name}.', seen)


def is_torchscript(path: str) -> bool:
    """Returns whether a file is a TorchScript archive."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith('constants.pkl') for name in archive.namelist())


def read_torchscript(path: str) -> Dict[str, Tensor]:
    """Returns the parameters, buffers and other tensors of the modules in an archive.

    Args:
        path: Path of the file.

    Raises:
        InputError: If it holds something else, or unpacks to more than its size.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            data = sum(e.file_size for e in archive.infolist() if e.compress_type == zipfile.ZIP_STORED)
            if data > os.path.getsize(path):
                raise Foreign('data that is larger than the file')
            root = next(n for n in archive.namelist() if n.rpartition('/')[2] == TREE)[:-len(TREE)]
            top = Unpickler(archive, root).load()
        if not isinstance(top, Node):
            raise Foreign(f'a {type(top).__name__} instead of a module')
        return dict(tensors_below(top, '', set()))
    except Foreign as error:
        raise InputError(f'{path}: is a TorchScript archive with {error}; only modules with tensors are '
                         'read, so that no code of the file runs') from error
