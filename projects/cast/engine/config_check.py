"""Finds unused and inconsistent entries of a config before anything is built."""
import ast
import inspect
import os
from pathlib import Path
from typing import Optional, Union

from mmengine import Config
from mmengine.config.utils import ConfigParsingError

from ..utils import InputError, MissingFileError
from .config_keys import TOP, VARIABLES, check_keys, flat, meant, registered
from .derive import derive
from .shared_config import read_shared_config

DERIVED = {*inspect.signature(derive).parameters, 'train_pipeline', 'val_pipeline'}

FORMER = {'clip_checkpoint': 'weights.clip', 'videomae_checkpoint': 'weights.videomae_ssv2 and others'}


def check_variables(cfg: Config) -> None:
    """Finds top-level variables that are set where nothing reads them any more.

    A config file is evaluated after those that it inherits from, and options are applied after all of them.

    Raises:
        InputError: If there is one. The message names the variable and the keys to set instead, or the key
            that replaces what :func:`derive` returned.
    """
    file = Path(str(cfg.filename))
    if file.suffix != '.py' or not file.is_file():
        return
    tree = ast.parse(file.read_text(encoding='utf-8'))
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    used = {n.id for n in names if isinstance(n.ctx, ast.Load)}
    unused = {n.id for n in names if isinstance(n.ctx, ast.Store)} - used
    if 'derive' in used and unused & TOP:
        name = min(unused & TOP)
        raise InputError(f'{file}: {name!r} stands beside derive(...), where one would replace the other; '
                         f'give it to derive: derive(_base_, {name}=...)')
    dead = unused - TOP
    own = Config.fromfile(file, import_custom_modules=False)
    inherited = bases(tree, file) if dead else {}
    for name in sorted(set(cfg) - TOP):
        by_option = cfg[name] != own.get(name)
        before = own if by_option else inherited
        if name in before and (by_option or name in dead and cfg[name] != inherited[name]):
            acting, now = ({key: c[key] for key in set(c) & TOP} for c in (before, cfg))
            keys = {path: value for path, value in flat(acting)
                    if value == before[name] or path.endswith(f'.{name}')}
            if all(dict(flat(now)).get(path) == value for path, value in keys.items()):  # not also set there
                raise InputError(
                    f'{file}: {name!r} is set too late, what used it is evaluated by then'
                    + (f'; set {", ".join(sorted(keys)[:3])}' if keys else '')
                    + (f', or call derive(_base_, {name}=...)' if name in DERIVED and not by_option else ''))
        elif by_option or name in dead - set(VARIABLES) and meant(name, TOP, 0.8):
            raise InputError(f'{file}: nothing reads {name!r}{meant(name, TOP)}')


def bases(tree: ast.Module, file: Path) -> dict:
    """Returns what a config file inherits from the files beside it."""
    inherited: dict = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '') == '_base_':
            paths = [n.value for n in ast.walk(node.value) if isinstance(n, ast.Constant)]
            for path in map(str, paths):
                if (file.parent / path).is_file():  # not `mmaction::`, from which our files inherit
                    inherited.update(Config.fromfile(file.parent / path, import_custom_modules=False))
    return inherited


def check_classes(cfg: Config) -> None:
    """Compares the number of classes of the head, the datasets and mixup.

    Raises:
        InputError: If they differ. The message names the keys and their numbers.
    """
    model = cfg.get('model') or {}
    roots = {f'model.{name}': model.get(name) for name in ('cls_head', 'data_preprocessor')}
    roots |= {f'{split}_dataloader.dataset': (cfg.get(f'{split}_dataloader') or {}).get('dataset')
              for split in ('train', 'val', 'test')}
    found = {}
    for path, part in (item for name, root in roots.items() for item in flat(root, name)):
        if isinstance(part, dict) and isinstance(part.get('type'), str):
            takes = [inspect.signature(built).parameters for built in registered(part['type'])]
            default = takes[0].get('num_classes') if takes else None
            count = part.get('num_classes', default.default if default else None)
            if count and count is not inspect.Parameter.empty:
                found[f'{path}.num_classes'] = count if isinstance(count, int) else dict(count)
    head = found.get('model.cls_head.num_classes')
    if head and any(differ(count, head) for count in found.values()):
        raise InputError('the numbers of classes must be the same: '
                         + ', '.join(f'{path}={count}' for path, count in found.items()))


def differ(one: Union[int, dict], other: Union[int, dict]) -> bool:
    """Returns whether two numbers of classes differ; dicts are compared by the tasks that both have."""
    if isinstance(one, dict) and isinstance(other, dict):
        return any(one[task] != other[task] for task in set(one) & set(other))
    return one != other


def check_config(cfg: Config) -> None:
    """Checks keys, variables and numbers of classes without building anything.

    Raises:
        InputError: See :func:`check_keys`, :func:`check_variables` and :func:`check_classes`.
    """
    check_variables(cfg)
    for key in TOP & set(cfg):
        check_keys(cfg[key], key)
    check_classes(cfg)


def check_data(cfg: Config) -> None:
    """Checks that there is data for each loop that the config has, as a runner needs it.

    Raises:
        InputError: If a dataloader or an evaluator is missing. The message names all that are.
    """
    parts = dict(train=['dataloader'], val=['dataloader', 'evaluator'], test=['dataloader', 'evaluator'])
    missing = [f'{split}_{part}' for split in parts if cfg.get(f'{split}_cfg') for part in parts[split]
               if not cfg.get(f'{split}_{part}')]
    if missing:
        raise InputError(
            f'{cfg.filename or "the config"}: {", ".join(missing)} missing; define them in a config '
            'that inherits from it')


def read_config(path: str, options: Optional[dict] = None) -> Config:
    """Reads a config file, merges the options of the command line, and checks the result.

    Args:
        path: Path of the config file, or the folder of a published model.
        options: Values by dotted key, as ``--cfg-options`` gives them.

    Raises:
        MissingFileError: If the file, or one that it inherits from, is missing.
        InputError: If a file cannot be evaluated, an option does not fit, or the check finds a problem.
    """
    cfg = read_shared_config(path) if os.path.isdir(path) else evaluate(path)
    try:
        cfg.merge_from_dict(options or {})
    except (AttributeError, KeyError, IndexError, TypeError) as error:
        what = str(error.args[0]).split(' [{')[0]
        raise InputError(f'{path}: --cfg-options {" ".join(options or ())}: {what}') from error
    check_config(cfg)
    return cfg


def evaluate(path: str) -> Config:
    """Reads a config file; see :func:`read_config`."""
    try:
        return Config.fromfile(path)
    except FileNotFoundError as error:
        missing = getattr(error, 'filename', None) or path
        raise MissingFileError(f'{missing}: no such config file' + (
            '' if str(missing) == str(path) else f'; {path} inherits from it')) from error
    except InputError as error:  # raised by derive
        raise InputError(f'{path}: {error}') from error
    except (ConfigParsingError, SyntaxError, ImportError, LookupError, NameError, AttributeError, TypeError,
            OSError) as error:
        now = [f'; _base_.{old} is now _base_.{new}' for old, new in FORMER.items() if old in str(error)]
        raise InputError(f'{path}: cannot be read as a config ({type(error).__name__}: {error})'
                         + ''.join(now)) from error
