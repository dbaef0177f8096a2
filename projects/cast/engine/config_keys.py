"""Determines which keys of a config are read, from the arguments of its classes."""
import difflib
import functools
import inspect
import re
from typing import Any, Dict, Iterable, Iterator, List, Set, Tuple

import torch
from mmengine.registry import Registry
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, LogProcessor, Runner, TestLoop, ValLoop
from torch.utils.data import DataLoader

import mmaction.registry

from ..models import TimeEncoding
from ..utils import InputError

Keys = Set[str]
ANY = '**'  # stands for unknown keys: only a key similar to a known one is then an error
ALIKE = 0.8


@functools.lru_cache(None)
def arguments(function: Any) -> Keys:
    """Returns the arguments of a class or function, including those that a class passes on to its bases."""
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
    return names - {'self'} | {ANY}  # arguments are passed on to something other than a base


# Top-level keys that mmengine's Runner and MMAction2's tools read. Any other key is a variable, which
# has an effect only while its own file is evaluated.
TOP = arguments(Runner) - {'cfg'} | {
    'runner_type', 'custom_imports', 'compile', 'activation_checkpointing', 'efficient_conv_bn_eval',
    'model_wrapper_cfg', 'test_pipeline', 'label_map'}
VARIABLES = (  # conventional variables of MMAction2's configs, and one of ours that is similar to a key
    'train_pipeline', 'val_pipeline', 'dataset_type', 'data_root', 'data_root_val', 'ann_file_train',
    'ann_file_val', 'ann_file_test', 'vis_backends', 'max_epochs', 'num_classes', 'evaluator')
PLAIN: Dict[str, Keys] = {  # keys of dicts without a type, by the pattern of the path
    r'\w+_dataloader': arguments(DataLoader) | {'num_batch_per_epoch'},
    r'.*\.data_prefix': {'video', 'img', 'audio'},
    'train_cfg': arguments(EpochBasedTrainLoop) | arguments(IterBasedTrainLoop) | {'by_epoch'},
    'val_cfg': arguments(ValLoop),
    'test_cfg': arguments(TestLoop),
    r'model\.test_cfg': {'max_testing_views', 'task', 'feature_extraction', 'fcn_test'},
    r'model\.backbone\.time_encoding': arguments(TimeEncoding) - {'embed_dims'},
    'env_cfg': {'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'},
    'auto_scale_lr': {'enable', 'base_batch_size'},
    'randomness': {'seed', 'diff_rank_seed', 'deterministic'},
    'log_processor': arguments(LogProcessor),
    'custom_imports': {'imports', 'allow_failed_imports'},
    r'optim_wrapper\.paramwise_cfg': {
        'custom_keys', 'bias_lr_mult', 'bias_decay_mult', 'norm_decay_mult', 'flat_decay_mult',
        'dwconv_decay_mult', 'dcn_offset_lr_mult', 'bypass_duplicate', 'layer_decay_rate', ANY}}
MORE: Dict[str, Keys] = {  # keys read before the class of a dict with a type is built
    'optim_wrapper': {'constructor', 'paramwise_cfg'},
    r'(default|custom)_hooks\.\w+': {'priority'},
    r'param_scheduler(\.\d+)?': {'convert_to_iter_based'},
    r'model\.backbone\.exchanges\.\w+': {'between', 'layers'},
    r'.*\.(norm|conv|act)_cfg': {ANY}}  # mmcv removes some keys
REGISTRIES: List[Registry] = [
    getattr(mmaction.registry, name) for name in (
        'DATASETS', 'DATA_SAMPLERS', 'EVALUATOR', 'HOOKS', 'LOG_PROCESSORS', 'LOOPS', 'METRICS', 'MODELS',
        'MODEL_WRAPPERS', 'OPTIMIZERS', 'OPTIM_WRAPPERS', 'PARAM_SCHEDULERS', 'TRANSFORMS', 'VISBACKENDS',
        'VISUALIZERS', 'WEIGHT_INITIALIZERS')]
TYPED = r'default_hooks\.\w+|model\.backbone\.(experts|exchanges)\.\w+'  # named parts, which have a type


def look_up(table: Dict[str, Keys], path: str, default: Keys) -> Keys:
    """Returns the first entry whose pattern matches the path."""
    return next((keys for pattern, keys in table.items() if re.fullmatch(pattern, path)), default)


@functools.lru_cache(None)
def registered(name: str) -> List[Any]:
    """Returns all classes and functions registered under a name, in any registry."""
    return [built for built in (registry.get(name) for registry in REGISTRIES) if built]


def meant(key: str, keys: Iterable[str], likeness: float = 0.6) -> str:
    """Returns a question if one of the keys was probably meant."""
    found = difflib.get_close_matches(str(key), sorted(keys), 1, likeness)
    return f'; did you mean {found[0]!r}?' if found else ''


def known_keys(cfg: dict, path: str) -> Keys:
    """Returns the keys that are read from the dict at ``path``.

    Raises:
        InputError: If its type is not registered.
    """
    name = cfg.get('type')
    if not isinstance(name, str):
        return look_up(PLAIN, path, {ANY})
    found = registered(name)
    if not found:  # not every type belongs to a registry
        names = {n for r in REGISTRIES for n in (*r.module_dict, *(r.parent.module_dict if r.parent else ()))}
        if '.' not in name and meant(name, names, ALIKE):
            raise InputError(f'{path}.type: nothing is registered as {name!r}{meant(name, names)}')
        return {ANY}
    more = look_up(MORE, path, set())
    return more.union({'type', '_scope_'}, *map(arguments, found))


def flat(cfg: Any, path: str = '') -> Iterator[Tuple[str, Any]]:
    """Yields everything in a config with its path."""
    if path:
        yield path, cfg
    if isinstance(cfg, (dict, list, tuple)):
        for key, item in cfg.items() if isinstance(cfg, dict) else enumerate(cfg):
            yield from flat(item, f'{path}.{key}' if path else str(key))


def check_keys(cfg: Any, path: str, siblings: Iterable[str] = ()) -> None:
    """Compares the keys of all dicts at and below ``path`` with those that are read.

    Raises:
        InputError: If a key is not read. The message names it, and the key that was probably meant.
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
