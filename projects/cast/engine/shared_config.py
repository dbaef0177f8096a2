"""The config of a published model: plain data in JSON, with what predicting needs and nothing else."""
import json
from pathlib import Path
from typing import Any, Dict, List

from mmengine import Config

from ..utils import InputError, MissingFileError
from .untrusted_config import FOREIGN, check_untrusted

CONFIG_FILE = 'config.json'
PIPELINES = 'val_pipeline', 'test_pipeline'
TUPLE = '__tuple__'  # JSON has no tuples, and MMAction2's transforms tell them from lists
LARGEST = 4 << 20  # bytes


def share_config(cfg: Config, name: str, names: Dict[str, List[str]]) -> Dict[str, Any]:
    """Returns what a published model's config contains, by key.

    Left out are paths and addresses, initialisation, mixup, and everything that is only for training.

    Args:
        cfg: A complete config.
        name: Its name, so that the recipe can be found again.
        names: Class names by task.

    Raises:
        InputError: If a value is not plain data.
    """
    model = cfg.model.to_dict()
    (model.get('data_preprocessor') or {}).pop('blending', None)
    shared: Dict[str, Any] = dict(name=name, model=model, label_map=names)
    for key in PIPELINES:
        loader = cfg.get(key.replace('pipeline', 'dataloader'))
        if not loader:
            raise InputError(f'{cfg.filename}: has no dataloader for the {key}, which reads the videos; '
                             'define it in a config that inherits from it')
        shared[key] = [transform.to_dict() for transform in loader.dataset.pipeline]
    return {key: encode(value, key) for key, value in shared.items()}


def encode(value: Any, path: str) -> Any:
    """Converts a part of a config to what JSON has, without what belongs to the machine it comes from."""
    if isinstance(value, dict):
        return {key: encode(part, f'{path}.{key}') for key, part in value.items()
                if path.startswith('label_map') or not FOREIGN.search(str(key))}
    if isinstance(value, (list, tuple)):
        parts = [encode(part, f'{path}.{i}') for i, part in enumerate(value)]
        return {TUPLE: parts} if isinstance(value, tuple) else parts
    if value is not None and not isinstance(value, (bool, int, float, str)):
        raise InputError(f'{path}: {value!r} is not plain data; only numbers, names, lists and dicts can be '
                         'published')
    return value


def decode(value: Any) -> Any:
    """Undoes :func:`encode`."""
    if isinstance(value, dict) and set(value) == {TUPLE} and isinstance(value[TUPLE], list):
        return tuple(map(decode, value[TUPLE]))
    if isinstance(value, dict):
        return {key: decode(part) for key, part in value.items()}
    return [*map(decode, value)] if isinstance(value, list) else value


def read_shared_config(folder: str) -> Config:
    """Reads the config of a published model, which may come from a stranger: nothing in it is executed.

    Args:
        folder: Folder with a ``config.json``.

    Returns:
        A config for predicting: the model, the pipelines of validation and testing, also below their
        dataloaders, and class names as lists, by task, in ``label_map``.

    Raises:
        MissingFileError: If there is no such file.
        InputError: If it is not one that :func:`share_config` could have made; see :func:`check_untrusted`.
    """
    path = Path(folder) / CONFIG_FILE
    if not path.is_file():
        code = [p.name for p in Path(folder).glob('*.py')]
        raise MissingFileError(f'{path}: no such file; a published model has one' + (
            f'. Python files such as {code[0]} are not read, as they could run code' if code else ''))
    if path.stat().st_size > LARGEST:
        raise InputError(f'{path}: has {path.stat().st_size} bytes, but a config has at most {LARGEST}')
    try:
        shared = decode(json.loads(path.read_text(encoding='utf-8')))
        check_untrusted(shared, {'name', 'model', 'label_map', *PIPELINES})
    except InputError as error:
        raise InputError(f'{path}: {error}') from error
    except (ValueError, RecursionError) as error:
        raise InputError(f'{path}: cannot be read as JSON ({type(error).__name__}: {error})') from error
    loaders = {key.replace('pipeline', 'dataloader'): dict(dataset=dict(pipeline=shared[key]))
               for key in PIPELINES}
    del shared['name']
    return Config(dict(default_scope='mmaction', **shared, **loaders), filename=str(path))
