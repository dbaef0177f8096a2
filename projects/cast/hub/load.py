"""Loads models by name, from a folder, or from the Hugging Face Hub."""
import logging
import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from mmengine import Config
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.runner import load_checkpoint

from mmaction.apis import init_recognizer
from mmaction.models.recognizers.base import BaseRecognizer
from mmaction.utils import register_all_modules

from ..datasets import read_names
from ..engine import CONFIG_FILE, Budget, expert_configs, meant, read_config, read_shared_config
from ..utils import InputError, MissingFileError
from .index import UNPUBLISHED, how_to_get, index
from .remote import PREFIX, WEIGHTS_FILE, download

SPARE = 256 << 20  # bytes that a model may need beside its weights, for position tables and initialisation


class Loaded(NamedTuple):
    """A model that is ready to predict.

    Attributes:
        model: The recognizer, in eval mode and on its device; its config is ``model.cfg``.
        classes: Class names by task; a single task is called ``action``. A task whose label map is not at
            hand is missing.
    """

    model: BaseRecognizer
    classes: Dict[str, List[str]]


def find(name: str) -> Tuple[Config, str]:
    """Returns the config of a model, and the file or address of its weights.

    Args:
        name: Name of a config, such as ``cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ssv2-rgb``; a folder
            that ``push`` wrote; ``hf:USER/REPOSITORY`` or ``hf:USER/REPOSITORY@REVISION``; or a config file.
            For configs without published weights, the second result is ``unpublished:NAME``.

    Raises:
        InputError: If there is no such model, or its config is refused; see :func:`read_shared_config`.
    """
    register_all_modules()
    name = os.fspath(name)
    if name in index():
        entry = index()[name]
        return read_config(entry['Config']), entry['Weights']
    if name.endswith('.py'):
        return read_config(name), UNPUBLISHED
    folder = download(name) if name.startswith(PREFIX) else name
    if os.path.isdir(folder):
        return read_shared_config(folder), str(Path(folder) / WEIGHTS_FILE)
    raise MissingFileError(f'{name}: no such model; give a folder with {CONFIG_FILE}, hf:USER/REPOSITORY, a '
                           f'config file or the name of a config{meant(name, index())}')


class Opened(NamedTuple):
    """A recognizer, and what its checkpoint says about itself, which is empty without a checkpoint."""

    model: BaseRecognizer
    meta: Dict[str, Any]


def open_with_meta(cfg: Config, weights: Optional[str], device: str,
                   experts: Dict[str, str] = {}) -> Opened:
    """Builds the recognizer of a config, and loads weights strictly.

    Args:
        cfg: A config. If it is that of a published model, the weights must explain the model's size.
        weights: A checkpoint, or an address; with None, the weights are random.
        device: Device to use.
        experts: File of each expert, for weights without them.

    Raises:
        InputError: If the model cannot be built, or the weights do not fit.
    """
    parts, meta = expert_configs(cfg.model), {}
    for name, file in experts.items():
        part = parts.get(name, parts.get(''))  # an expert alone need not have a name
        if part is None:
            raise InputError(f'experts: there is no expert {name!r}; there are {", ".join(parts)}')
        part.checkpoint = file
    stranger = Path(str(cfg.filename)).name == CONFIG_FILE
    files = [file for file in (weights, *experts.values()) if file and os.path.isfile(file)]
    most = 8 * sum(map(os.path.getsize, files)) + SPARE
    try:
        with Budget(most) if stranger else nullcontext():
            model = init_recognizer(cfg, None, 'cpu')
    except Exception as error:  # any argument of any part can be wrong in any way
        if not stranger:
            raise
        reason = ' '.join(str(error).split())[:300]
        raise InputError(f'{cfg.filename}: describes no model that can be built ({reason})') from error
    if weights is not None:
        try:
            meta = load_checkpoint(model, weights, 'cpu', strict=True).get('meta', {})
        except RuntimeError as error:
            reason = ' '.join(str(error).split())[:300]
            raise InputError(f'{weights}: does not fit the model of {cfg.filename}: {reason}') from error
    return Opened(model.to(device), meta)


def open_model(cfg: Config, weights: Optional[str], device: str,
               experts: Dict[str, str] = {}) -> BaseRecognizer:
    """Returns the recognizer alone; see :func:`open_with_meta`."""
    return open_with_meta(cfg, weights, device, experts).model


def load(name: str,
         checkpoint: Optional[str] = None,
         device: Optional[str] = None,
         label_map: Optional[Sequence[str]] = None,
         experts: Dict[str, str] = {}) -> Loaded:
    """Loads a model by the name of its config, from a folder, or from the Hugging Face Hub.

    Usage::

        from projects.cast import load
        model, classes = load('hf:USER/REPOSITORY')
        score = mmaction.apis.inference_recognizer(model, 'VIDEO').pred_score    # a dict for several tasks

    Nothing in a folder or repository is executed: weights are read as tensors, and the config as plain data
    whose parts must be known; see docs/hub.md.

    Args:
        name: See :func:`find`.
        checkpoint: Checkpoint to load instead of the published weights, as there are none for most configs.
        device: Device to use; by default, the best one available.
        label_map: Replaces the class names; see :func:`read_names`.
        experts: File of each expert by its name, for weights that were published without the frozen experts.

    Raises:
        InputError: If there is no such model, it is refused, or its weights are missing or do not fit.
    """
    cfg, weights = find(name)
    weights = os.fspath(checkpoint or weights)
    if weights.startswith(UNPUBLISHED):
        given = weights.removeprefix(UNPUBLISHED)
        raise InputError(how_to_get(given) if given else f'{name}: is a config file; give a checkpoint, too')
    model = open_model(cfg, weights, device or get_device(), experts)
    try:
        names = read_names(cfg, label_map)
    except MissingFileError as error:
        if label_map:
            raise
        print_log(f'{error}. The class names stay unknown', 'current', logging.WARNING)
        names = {}
    return Loaded(model, {task: part for task, part in names.items() if part})
