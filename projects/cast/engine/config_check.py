"""Finds in a config, before anything is built, what nothing reads and what does not fit together."""
import ast
import difflib
import functools
import inspect
import re
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional, Set, Tuple

import torch
from mmengine import Config
from mmengine.config.utils import ConfigParsingError
from mmengine.registry import Registry
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, LogProcessor, Runner, TestLoop, ValLoop
from torch.utils.data import DataLoader

import mmaction.registry

from ..errors import InputError, MissingFileError

Keys = Set[str]
ANY = '**'  # stands for keys that cannot be told: only what is much like a known one is a fault then
ALIKE = 0.8


@functools.lru_cache(None)
def arguments(function: Any) -> Keys:
    """Names of what a class or function takes, with those that a class passes on to its bases."""
    names: Keys = set()
    for part in inspect.getmro(function) if inspect.isclass(function) else [function]:
        if part in (object, torch.nn.Module):
            break
        if inspect.isclass(part) and '__init__' not in vars(part):
            continue
        call = vars(part)['__init__'] if inspect.isclass(part) else part
        taken = inspect.signature(call).parameters.values()
        names |= {a.name for a in taken if a.kind in (a.POSITIONAL_OR_KEYWORD, a.KEYWORD_ONLY)}
        if all(a.kind != a.VAR_KEYWORD for a in taken):
            return names - {'self'}
    return names - {'self'} | {ANY}  # what is passed on goes to something else than a base


# What mmengine's Runner and MMAction2's tools read at the top level. Everything else there is a variable: it
# acts only while the file that it stands in is evaluated.
TOP = arguments(Runner) - {'cfg'} | {
    'runner_type', 'custom_imports', 'compile', 'activation_checkpointing', 'efficient_conv_bn_eval',
    'model_wrapper_cfg', 'test_pipeline', 'label_map'}
VARIABLES = (  # of MMAction2's configs, by convention
    'train_pipeline', 'val_pipeline', 'dataset_type', 'data_root', 'data_root_val', 'ann_file_train',
    'ann_file_val', 'ann_file_test', 'vis_backends', 'max_epochs', 'num_classes')
PLAIN: Dict[str, Keys] = {  # dicts without a type: pattern of the path to keys
    r'\w+_dataloader': arguments(DataLoader) | {'num_batch_per_epoch'},
    r'.*\.data_prefix': {'video', 'img', 'audio'},
    'train_cfg': arguments(EpochBasedTrainLoop) | arguments(IterBasedTrainLoop) | {'by_epoch'},
    'val_cfg': arguments(ValLoop),
    'test_cfg': arguments(TestLoop),
    r'model\.test_cfg': {'max_testing_views', 'task', 'feature_extraction', 'fcn_test'},
    'env_cfg': {'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'},
    'auto_scale_lr': {'enable', 'base_batch_size'},
    'randomness': {'seed', 'diff_rank_seed', 'deterministic'},
    'log_processor': arguments(LogProcessor),
    'custom_imports': {'imports', 'allow_failed_imports'},
    r'optim_wrapper\.paramwise_cfg': {
        'custom_keys', 'bias_lr_mult', 'bias_decay_mult', 'norm_decay_mult', 'flat_decay_mult',
        'dwconv_decay_mult', 'dcn_offset_lr_mult', 'bypass_duplicate', 'layer_decay_rate', ANY}}
MORE: Dict[str, Keys] = {  # keys that are read before the class of a dict with a type is built
    'optim_wrapper': {'constructor', 'paramwise_cfg'},
    r'(default|custom)_hooks\.\w+': {'priority'},
    r'param_scheduler(\.\d+)?': {'convert_to_iter_based'},
    r'model\.backbone\.exchanges\.\w+': {'between', 'layers'},
    r'.*\.(norm|conv|act)_cfg': {ANY}}  # mmcv takes some keys out
REGISTRIES: List[Registry] = [
    getattr(mmaction.registry, name) for name in (
        'DATASETS', 'DATA_SAMPLERS', 'EVALUATOR', 'HOOKS', 'LOG_PROCESSORS', 'LOOPS', 'METRICS', 'MODELS',
        'MODEL_WRAPPERS', 'OPTIMIZERS', 'OPTIM_WRAPPERS', 'PARAM_SCHEDULERS', 'TRANSFORMS', 'VISBACKENDS',
        'VISUALIZERS', 'WEIGHT_INITIALIZERS')]
TYPED = r'default_hooks\.\w+|model\.backbone\.(experts|exchanges)\.\w+'  # parts by name, which have a type


def look_up(table: Dict[str, Keys], path: str, default: Keys) -> Keys:
    """The first entry whose pattern is that of the path."""
    return next((keys for pattern, keys in table.items() if re.fullmatch(pattern, path)), default)


@functools.lru_cache(None)
def registered(name: str) -> List[Any]:
    """All classes and functions that go by a name, whatever they are for."""
    return [built for built in (registry.get(name) for registry in REGISTRIES) if built]


def meant(key: str, keys: Iterable[str], likeness: float = 0.6) -> str:
    """A question, if one of the keys was probably meant."""
    found = difflib.get_close_matches(str(key), sorted(keys), 1, likeness)
    return f'; did you mean {found[0]!r}?' if found else ''


def known_keys(cfg: dict, path: str) -> Keys:
    """The keys that something reads of the dict at ``path``.

    Raises:
        InputError: if its type is not registered.
    """
    name = cfg.get('type')
    if not isinstance(name, str):
        return look_up(PLAIN, path, {ANY})
    found = registered(name)
    if not found:  # but not every type is one of a registry
        names = {n for r in REGISTRIES for n in (*r.module_dict, *(r.parent.module_dict if r.parent else ()))}
        if '.' not in name and meant(name, names, ALIKE):
            raise InputError(f'{path}.type: nothing is registered as {name!r}{meant(name, names)}')
        return {ANY}
    more = look_up(MORE, path, set())
    return more.union({'type', '_scope_'}, *map(arguments, found))


def check_keys(cfg: Any, path: str, siblings: Iterable[str] = ()) -> None:
    """Compares the keys of all dicts at and below ``path`` with those that something reads.

    Raises:
        InputError: naming the first key that nothing reads, and the one that was probably meant.
    """
    if isinstance(cfg, dict):
        if re.fullmatch(TYPED, path) and 'type' not in cfg:
            key = path.rpartition('.')[2]
            raise InputError(f'{path}: has no type, and the base config has no {key!r} there'
                             f'{meant(key, set(siblings) - {key})}')
        known = known_keys(cfg, path)
        for key, value in cfg.items():
            if key not in known and (ANY not in known or meant(key, known, ALIKE)):
                raise InputError(f'{path}.{key}: nothing reads {key!r} there{meant(key, known)}')
            check_keys(value, f'{path}.{key}', cfg)
    elif isinstance(cfg, (list, tuple)):
        for i, item in enumerate(cfg):
            check_keys(item, f'{path}.{i}')


def flat(cfg: Any, path: str = '') -> Iterator[Tuple[str, Any]]:
    """Everything in a config, with its path."""
    if path:
        yield path, cfg
    if isinstance(cfg, (dict, list, tuple)):
        for key, item in cfg.items() if isinstance(cfg, dict) else enumerate(cfg):
            yield from flat(item, f'{path}.{key}' if path else str(key))


def check_variables(cfg: Config) -> None:
    """Finds variables at the top level that are set where nothing reads them any more.

    A config file is evaluated after those that it inherits from, and options come after all of them.

    Raises:
        InputError: naming the variable, and the keys that act.
    """
    file = Path(str(cfg.filename))
    if file.suffix != '.py' or not file.is_file():
        return
    tree = ast.parse(file.read_text(encoding='utf-8'))
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    dead = {n.id for n in names if isinstance(n.ctx, ast.Store)} - {
        n.id for n in names if isinstance(n.ctx, ast.Load)} - TOP
    own = Config.fromfile(file, import_custom_modules=False)
    inherited = bases(tree, file) if dead else {}
    for name in sorted(set(cfg) - TOP):
        by_option = cfg[name] != own.get(name)
        before = own if by_option else inherited
        if name in before and (by_option or name in dead and cfg[name] != inherited[name]):
            acting, now = ({key: c[key] for key in set(c) & TOP} for c in (before, cfg))
            keys = {path: value for path, value in flat(acting)
                    if value == before[name] or path.endswith(f'.{name}')}
            if all(dict(flat(now)).get(path) == value for path, value in keys.items()):  # not set there too
                raise InputError(f'{file}: {name!r} is set too late, what used it is evaluated by then'
                                 + (f'; set {", ".join(sorted(keys)[:3])}' if keys else ''))
        elif by_option or name in dead - set(VARIABLES) and meant(name, TOP, 0.8):
            raise InputError(f'{file}: nothing reads {name!r}{meant(name, TOP)}')


def bases(tree: ast.Module, file: Path) -> dict:
    """What a config file inherits from the files beside it."""
    inherited: dict = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '') == '_base_':
            paths = [n.value for n in ast.walk(node.value) if isinstance(n, ast.Constant)]
            for path in map(str, paths):
                if (file.parent / path).is_file():  # not `mmaction::`, which ours inherit from themselves
                    inherited.update(Config.fromfile(file.parent / path, import_custom_modules=False))
    return inherited


def check_classes(cfg: Config) -> None:
    """Compares the numbers of classes of the head, the data sets and mixup.

    Raises:
        InputError: naming the keys and their numbers.
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
    if head and any(count != head for count in found.values()):
        raise InputError('the numbers of classes must be the same: '
                         + ', '.join(f'{path}={count}' for path, count in found.items()))


def check_config(cfg: Config) -> None:
    """Checks keys, variables and numbers of classes, without building anything.

    Raises:
        InputError: see :func:`check_keys`, :func:`check_variables` and :func:`check_classes`.
    """
    check_variables(cfg)
    for key in TOP & set(cfg):
        check_keys(cfg[key], key)
    check_classes(cfg)


def read_config(path: str, options: Optional[dict] = None) -> Config:
    """Reads a config file, merges the options of a command line, and checks the result.

    Args:
        path: config file.
        options: dotted keys to values, as ``--cfg-options`` gives them.

    Raises:
        MissingFileError: if the file, or one that it inherits from, is not there.
        InputError: if a file cannot be evaluated, an option does not fit, or the check finds something.
    """
    try:
        cfg = Config.fromfile(path)
    except FileNotFoundError as error:
        missing = getattr(error, 'filename', None) or path
        raise MissingFileError(f'{missing}: no such config file' + (
            '' if str(missing) == str(path) else f'; {path} inherits from it')) from error
    except (ConfigParsingError, SyntaxError, ImportError, LookupError, NameError, AttributeError, TypeError,
            OSError) as error:
        raise InputError(f'{path}: cannot be read as a config ({type(error).__name__}: {error})') from error
    try:
        cfg.merge_from_dict(options or {})
    except (AttributeError, KeyError, IndexError, TypeError) as error:
        what = str(error.args[0]).split(' [{')[0]
        raise InputError(f'{path}: --cfg-options {" ".join(options or ())}: {what}') from error
    check_config(cfg)
    return cfg
