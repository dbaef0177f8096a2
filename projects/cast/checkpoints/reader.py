"""The only reader of checkpoint files: it reads tensors and plain values, and never runs code."""
import argparse
import codecs
import functools
import json
import os
import pathlib
import pickle
import re
import zipfile
from typing import Any, Callable, Dict, List, Tuple, Union

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from safetensors import safe_open
from safetensors.torch import load_file
from torch.serialization import safe_globals

from ..utils import InputError, MissingFileError
from .torchscript import is_torchscript, read_torchscript


def history_statistic(cls: type, name: str) -> Callable:
    """Replaces ``getattr``, which mmengine's files use only for the statistics of ``HistoryBuffer``."""
    if cls is not HistoryBuffer or name not in ('min', 'max', 'current', 'mean'):
        raise pickle.UnpicklingError(f'Unsupported attribute {name!r} of {cls}')
    return getattr(cls, name)


@functools.lru_cache(None)
def known_globals() -> List[Union[Any, Tuple[Any, str]]]:
    """Returns what files of mmengine, VideoMAE, MAE and DeiT contain besides tensors.

    mmengine stores the history of its logs (https://github.com/open-mmlab/mmengine/issues/1655) with numpy
    arrays and numbers, the others their command line. Numpy 2 renamed ``core``, Python 3.13 ``pathlib``.
    """
    reconstruct: Any = np.empty(0).__reduce__()[0]
    scalar: Any = np.float64().__reduce__()[0]
    return [
        HistoryBuffer, (history_statistic, 'builtins.getattr'), argparse.Namespace, bytes, (
            codecs.encode, '_codecs.encode'), np.ndarray, np.dtype,
        *(type(np.dtype(code)) for code in '?bBhHiIlLqQefdSU'),
        *((function, f'numpy.{core}.multiarray.{function.__name__}')
          for core in ('core', '_core') for function in (reconstruct, scalar)),
        *((pathlib.PosixPath, f'{module}.PosixPath') for module in ('pathlib', 'pathlib._local'))]


def read_safetensors(path: str) -> dict:
    """Reads a ``.safetensors`` file; one without the frozen experts has their fingerprints in its header."""
    with safe_open(path, 'pt') as file:
        experts = (file.metadata() or {}).get('experts')
    state = load_file(path)
    return dict(state_dict=state, meta=dict(experts=dict(json.loads(experts)))) if experts else state


def refuse_bombs(path: str) -> None:
    """Refuses archives whose content is larger than the file; torch's own are not compressed."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            content, size = sum(entry.file_size for entry in archive.infolist()), os.path.getsize(path)
        if content > size:
            raise InputError(f'{path}: {size} bytes that unpack to {content}; torch does not compress its '
                             'files, so that this is none of them')


def read_checkpoint(path: str, map_location: Any = 'cpu') -> dict:
    """Reads a torch file, a ``.safetensors`` file, or the tensors of a TorchScript archive.

    Args:
        path: Path of the file.
        map_location: See ``torch.load``.

    Returns:
        The content of the file.

    Raises:
        MissingFileError: If the file is missing.
        InputError: If it is damaged, or contains objects that could run code when they are read.
    """
    try:
        if str(path).endswith('.safetensors'):
            return read_safetensors(path)
        if is_torchscript(path):
            return {name: t.to(map_location) for name, t in read_torchscript(path).items()}
        refuse_bombs(path)
        with safe_globals(known_globals()):
            checkpoint = torch.load(path, map_location, weights_only=True)
    except FileNotFoundError as error:
        raise MissingFileError(f'{path}: no such checkpoint file') from error
    except (InputError, OSError):
        raise  # this error already names the file
    except Exception as error:  # the unpickler can fail in any way on a damaged file
        foreign = re.search(r'nsupported.* GLOBAL ([\w.]+)', str(error))
        if foreign:
            raise InputError(
                f'{path}: holds {foreign[1]} beside tensors; reading it could run code. If you trust it, '
                'allow it by torch.serialization.add_safe_globals in one of your custom_imports') from error
        raise InputError(f'{path}: cannot be read as a checkpoint ({type(error).__name__}). Is the file '
                         'complete? Copy or download it again') from error
    if not isinstance(checkpoint, dict):
        raise InputError(f'{path}: holds a {type(checkpoint).__name__}, not a dict of tensors')
    return checkpoint


def unwrap(checkpoint: dict) -> Tuple[Dict[str, torch.Tensor], str]:
    """Returns the state dict in a checkpoint, and the key that contains it ('' if there is none)."""
    for key in ('state_dict', 'model', 'module', 'model_state'):
        if isinstance(checkpoint.get(key), dict):
            return checkpoint[key], key
    return checkpoint, ''
