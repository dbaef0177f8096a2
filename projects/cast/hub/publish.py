"""Publishes models, to a folder or to the Hugging Face Hub, and copies published models."""
import json
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence

import torch
from mmengine import Config
from safetensors.torch import save_file

from mmaction.models.recognizers.base import BaseRecognizer

from ..checkpoints import read_checkpoint
from ..datasets import read_names
from ..engine import CONFIG_FILE, share_config
from ..models import CASTRecognizer
from ..models.recognizer import experts_of
from ..utils import InputError
from .card import Origin, Publication, choose_licence, model_card
from .index import UNPUBLISHED, how_to_get, index
from .load import find, open_model, open_with_meta
from .remote import CARD_FILE, FILES, PREFIX, WEIGHTS_FILE, download, parse, upload


@contextmanager
def new_folder(dest: str) -> Iterator[Path]:
    """Yields a folder that becomes ``dest`` if all goes well.

    Raises:
        InputError: If there is something at ``dest``.
    """
    target = Path(dest).absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f'{dest}: is there already; give a new or an empty folder')
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f'.{target.name}.', dir=target.parent) as scratch:
        folder = Path(scratch) / 'model'
        folder.mkdir()
        yield folder
        if target.exists():
            target.rmdir()
        folder.rename(target)


def class_names(cfg: Config, model: BaseRecognizer,
                label_map: Optional[Sequence[str]]) -> Dict[str, List[str]]:
    """Returns the class names of all tasks.

    Raises:
        InputError: If they are missing, or their number is not the model's.
    """
    names = read_names(cfg, label_map)
    count = cfg.model.cls_head.get('num_classes', getattr(model.cls_head, 'num_classes', None))
    for task, number in (count if isinstance(count, dict) else dict(action=count)).items():
        have = len(names.get(task) or ())
        if have != number:
            raise InputError(f'{cfg.filename}: has {have} class names for {task}, but the model has {number} '
                             'classes; give the label map with --label-map')
    return {task: part for task, part in names.items() if part}


def experts_in(model: BaseRecognizer) -> Dict[str, Origin]:
    """Returns where each expert that is frozen or has a file comes from, by its name in the config."""
    return {path.rpartition('.')[2] or expert.name:
            Origin(type(expert).__name__, expert.checkpoint or '', expert.frozen)
            for path, expert in experts_of(model.backbone).items() if expert.frozen or expert.checkpoint}


def push(config: str,
         checkpoint: str,
         dest: str,
         licence: Optional[str] = None,
         label_map: Optional[Sequence[str]] = None,
         metrics: Dict[str, float] = {},
         dataset: str = '',
         with_experts: bool = True,
         private: bool = False) -> Dict[str, int]:
    """Publishes a model as ``model.safetensors``, ``config.json`` and ``README.md``.

    The weights are those that predicting needs, without the state of the optimizer and the like; if the
    checkpoint has a moving average (``EMAHook``), it is what is published, as it is what is tested. Tensors
    that modules share are stored under each of their names, so that the file is a checkpoint like any other.
    Before anything is written to ``dest``, the published form is loaded and compared with the checkpoint.

    Args:
        config: Name of a config, or its file.
        checkpoint: A checkpoint of it.
        dest: A new folder, or ``hf:USER/REPOSITORY``.
        licence: Identifier of the licence, such as ``apache-2.0``. It must be stated, except for weights that
            were converted from the release of CAST's authors, which are under CC-BY-NC 4.0.
        label_map: Replaces the config's class names; see :func:`read_names`.
        metrics: Results by name, for the model card.
        dataset: Name of the data set that they were measured on.
        with_experts: Whether the file contains the frozen experts. Without them it has a fifth of the size,
            and :func:`load` needs their files.
        private: Whether a repository that is created is private.

    Returns:
        The number of bytes of each file.

    Raises:
        InputError: If the checkpoint does not fit, the licence is missing or wrong, or a value of the config
            cannot be published.
    """
    remote = dest.startswith(PREFIX)
    if remote and parse(dest)[1]:
        raise InputError(f'{dest}: a push makes a new revision; leave the part after @ out')
    if metrics and not dataset:
        raise InputError('metrics: say with --dataset what they were measured on')
    cfg, _ = find(config)
    model, meta = open_with_meta(cfg, checkpoint, 'cpu')
    state = {key: value.clone().contiguous() for key, value in model.state_dict().items()}
    licence, source = choose_licence(meta, state, licence)
    shared = share_config(cfg, Path(str(cfg.filename)).stem, class_names(cfg, model, label_map))
    metadata, files = {'format': 'pt'}, {}
    experts = experts_in(model)
    if not with_experts:
        files = {name: origin.file for name, origin in experts.items() if origin.frozen}
        if not isinstance(model, CASTRecognizer) or not files or not all(files.values()):
            raise InputError(f'{config}: has no frozen experts, or names no file for them, so that they '
                             'cannot be left out')
        metadata['experts'] = json.dumps(model.fingerprints())
        gone = {prefix + key for prefix, part in model.frozen_experts().items() for key in part}
        state = {key: value for key, value in state.items() if key not in gone}
    address = dest if remote else Path(dest).name
    card = model_card(Publication(
        shared['name'], address, licence, source, experts, with_experts, dict(metrics), dataset))

    def write(folder: Path) -> Dict[str, int]:
        save_file(state, folder / WEIGHTS_FILE, metadata)
        text = json.dumps(shared, indent=1, allow_nan=False) + '\n'
        (folder / CONFIG_FILE).write_text(text, encoding='utf-8')
        (folder / CARD_FILE).write_text(card, encoding='utf-8')
        shutil.copymode(folder / CONFIG_FILE, folder / WEIGHTS_FILE)  # save_file hides it from others
        again = open_model(*find(str(folder)), 'cpu', files).state_dict()
        if any(not torch.equal(again[key], value) for key, value in state.items()):
            raise InputError(f'{checkpoint}: does not load as it was saved; are its tensors finite?')
        return {name: (folder / name).stat().st_size for name in FILES}

    if remote:
        with tempfile.TemporaryDirectory() as scratch:
            sizes = write(Path(scratch))
            upload(Path(scratch), dest, private)
    else:
        with new_folder(dest) as folder:
            sizes = write(folder)
    return sizes


def pull(name: str, folder: str) -> None:
    """Copies a published model into a folder, after checking that it is harmless and complete.

    Args:
        name: ``hf:USER/REPOSITORY``, with ``@REVISION`` if wanted; a folder; or the name of a config.
        folder: A new folder.

    Raises:
        InputError: If there is no such model, or it is refused.
    """
    if name in index():
        name = index()[name]['Weights']
        if name.startswith(UNPUBLISHED):
            raise InputError(how_to_get(name.removeprefix(UNPUBLISHED)))
    source = Path(download(name) if name.startswith(PREFIX) else name)
    cfg, weights = find(str(source))
    if 'experts' not in read_checkpoint(weights).get('meta', {}):  # without them, only `load` can tell
        open_model(cfg, weights, 'cpu')
    with new_folder(folder) as target:
        for file in FILES:
            if (source / file).is_file():
                shutil.copyfile(source / file, target / file)
