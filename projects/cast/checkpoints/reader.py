"""The one reader of checkpoint files: tensors and plain values, never code."""
import argparse
import codecs
import functools
import pathlib
import pickle
import re
import zipfile
from typing import Any, Callable, Dict, List, Tuple, Union

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from safetensors.torch import load_file
from torch.serialization import safe_globals

from ..utils import InputError, MissingFileError


def history_statistic(cls: type, name: str) -> Callable:
    """Stands for ``getattr``, which mmengine's files use for the statistics of ``HistoryBuffer`` only."""
    if cls is not HistoryBuffer or name not in ('min', 'max', 'current', 'mean'):
        raise pickle.UnpicklingError(f'Unsupported attribute {name!r} of {cls}')
    return getattr(cls, name)


@functools.lru_cache(None)
def known_globals() -> List[Union[Any, Tuple[Any, str]]]:
    """What files of mmengine, VideoMAE, MAE and DeiT hold beside tensors.

    mmengine keeps the history of its logs (https://github.com/open-mmlab/mmengine/issues/1655), numpy arrays
    and numbers among them, the others their command line. Numpy 2 renamed ``core``, Python 3.13 ``pathlib``.
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


def is_torchscript(path: str) -> bool:
    """Whether the file is a TorchScript archive, as OpenAI distributes CLIP."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith('constants.pkl') for name in archive.namelist())


def read_checkpoint(path: str, map_location: Any = 'cpu') -> dict:
    """Reads a checkpoint: a torch file, ``.safetensors``, or the state dict of a TorchScript archive.

    Args:
        path: the file.
        map_location: as in ``torch.load``.

    Returns:
        what the file holds.

    Raises:
        MissingFileError: if there is no such file.
        InputError: if it is damaged, or holds objects that could run code when they are read.
    """
    try:
        if str(path).endswith('.safetensors'):
            return load_file(path)
        if is_torchscript(path):
            return torch.jit.load(str(path), map_location).state_dict()
        with safe_globals(known_globals()):
            checkpoint = torch.load(path, map_location, weights_only=True)
    except FileNotFoundError as error:
        raise MissingFileError(f'{path}: no such checkpoint file') from error
    except OSError:
        raise  # names the file
    except Exception as error:  # a damaged file makes the unpickler fail in any way there is
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
    """The state dict in a checkpoint, and the key it sits under ('' if none)."""
    for key in ('state_dict', 'model', 'module'):
        if isinstance(checkpoint.get(key), dict):
            return checkpoint[key], key
    return checkpoint, ''
