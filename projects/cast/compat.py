"""Workarounds for known defects of the host libraries, each of which is fixed once, here.

This module is imported before anything of ``mmaction.models``. Every entry names its issue if one is
known.
"""
import importlib.util
import os
import sys
import types
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import Optional
from unittest import mock

import mmengine.dist
import mmengine.runner.runner
import numpy as np
import torch
from mmengine.logging import print_log
from mmengine.runner.checkpoint import CheckpointLoader, find_latest_checkpoint

from .checkpoints import read_checkpoint


def stub_drn() -> None:
    """Adds ``localizers/drn``, which PyPI's mmaction2 1.2.0 lacks and cannot be imported without.

    https://github.com/open-mmlab/mmaction2/issues/2714
    """
    spec = importlib.util.find_spec('mmaction')
    if spec is None or spec.origin is None:
        raise ImportError('mmaction2 is not installed; run: pip install -e ".[mmcv]"')
    if (Path(spec.origin).parent / 'models' / 'localizers' / 'drn').exists():
        return
    drn = types.ModuleType('mmaction.models.localizers.drn.drn')
    drn.DRN = type('DRN', (), {})  # type: ignore[attr-defined]
    sys.modules.setdefault('mmaction.models.localizers.drn', types.ModuleType('drn'))
    sys.modules.setdefault('mmaction.models.localizers.drn.drn', drn)


def skip_multimodal() -> None:
    """Skips MMAction2's optional multimodal models, which recent ``transformers`` break at import.

    They are not needed here. No issue number is known.
    """
    import mmaction.utils.dependency as dependency
    dependency.WITH_MULTIMODAL = False


def restore_numpy_names() -> None:
    """Restores the names in numpy 2 that MMAction2 1.2 still uses for poses, frames and metrics.

    This is needed while ``mmaction`` uses ``np.Inf``, ``np.in1d`` and ``np.trapz``. No issue number is known.
    """
    for old, new in (('Inf', 'inf'), ('in1d', 'isin'), ('trapz', 'trapezoid')):
        if not hasattr(np, old):
            setattr(np, old, getattr(np, new))


def hide_warnings() -> None:
    """Hides warnings about the host libraries that a user cannot act on. No issue number is known."""
    for message in ('Fail to import ``MultiScaleDeformableAttention``',  # of mmcv-lite; not needed here
                    'pkg_resources is deprecated',  # mmengine uses it for `mmaction::` configs
                    "'pin_memory' argument is set as true"):  # it has no effect without a GPU
        warnings.filterwarnings('ignore', message, UserWarning)


def load_local_checkpoint(filename: str, map_location=None) -> dict:
    """Makes mmengine load local checkpoints with our reader.

    mmengine leaves ``weights_only`` at torch's default, which is True since 2.6 and rejects the files of
    mmengine's own runs (https://github.com/open-mmlab/mmengine/issues/1655).
    """
    filename = os.path.expanduser(filename)
    return with_filename(read_checkpoint(filename, map_location or 'cpu'), filename)


def with_filename(checkpoint: dict, filename: str) -> dict:
    """Notes the origin of a state dict in its ``_metadata``, for the error if it does not fit the model."""
    nested = isinstance(checkpoint.get('state_dict'), dict)
    state = OrderedDict(checkpoint['state_dict'] if nested else checkpoint)
    metadata = {'filename': filename}
    if nested and 'experts' in checkpoint.get('meta', {}):  # a slim checkpoint
        metadata['experts'] = checkpoint['meta']['experts']
    state._metadata = {'': metadata}  # type: ignore[attr-defined]
    return {**checkpoint, 'state_dict': state} if nested else state


def init_dist(launcher: str, backend: str = 'nccl', **kwargs) -> None:
    """``init_dist`` of mmengine that can also start processes without a GPU, with gloo.

    mmengine 0.10 calls ``torch.cuda.set_device`` whichever launcher started the processes. No issue number
    is known.
    """
    if torch.cuda.is_available():
        return mmengine.dist.init_dist(launcher, backend, **kwargs)
    with mock.patch('torch.cuda.set_device'):
        return mmengine.dist.init_dist(launcher, 'gloo', **kwargs)


def find_last_checkpoint(path: str) -> Optional[str]:
    """``find_latest_checkpoint`` of mmengine that tolerates an empty ``last_checkpoint``.

    mmengine writes this small file in place, so that a run killed meanwhile leaves it empty. The newest
    checkpoint is then used. No issue number is known.
    """
    found = find_latest_checkpoint(path)
    if found is None or os.path.exists(found):
        return found
    names = [*Path(path).glob('epoch_*.pth'), *Path(path).glob('iter_*.pth')]  # best_*.pth has no optimizer
    checkpoints = sorted(names, key=lambda p: p.stat().st_mtime)
    print_log(f'{path}/last_checkpoint names no checkpoint; the newest is taken', logger='current')
    return str(checkpoints[-1]) if checkpoints else None


restore_numpy_names()
hide_warnings()
stub_drn()
skip_multimodal()
mmengine.runner.runner.init_dist = init_dist
mmengine.runner.runner.find_latest_checkpoint = find_last_checkpoint
CheckpointLoader.register_scheme(prefixes='', loader=load_local_checkpoint, force=True)
