"""Checks of configs that come from strangers: plain data, known parts, bounded sizes."""
import math
import re
from typing import Any, Set

import torch
from mmengine.registry import Registry
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from mmaction.registry import MODELS, TRANSFORMS

from ..utils import InputError
from .config_keys import check_keys, flat

# keys that name files or addresses, or make a part load some
FOREIGN = re.compile('pretrained|checkpoint|ckpt|init_cfg|load_from|io_backend|backend_args|file_client|'
                     'template|cache_dir|url')
KEY = re.compile(r'[A-Za-z0-9][\w-]*')
STRING = re.compile(r'[\w .,+-]{0,200}')  # no path, no address, no format
TYPE = re.compile(r'(?:(mmaction|mmengine)\.)?(\w+)')
# What may be from the host's registries, by module, as some parts of them read files or the network. What the
# user's own program has registered is the user's.
HOSTS = 'mmaction', 'mmengine', 'mmcv', 'mmpretrain', 'mmdet', 'mmpose', 'torch', 'torchvision', 'timm'
HARMLESS = re.compile(
    r'mmaction\.models\.(heads|losses|data_preprocessors|recognizers)\.|mmcv\.cnn\.bricks\.|torch\.nn\.|'
    r'mmaction\.datasets\.transforms\.(formatting|processing)$')
LOADING = {  # the host's transforms that read what the user gives and nothing else
    'ArrayDecode', 'DecordInit', 'DecordDecode', 'PyAVInit', 'PyAVDecode', 'SampleFrames',
    'DenseSampleFrames', 'UniformSample', 'UntrimmedSampleFrames'}
LARGEST = dict(depth=256, num_layers=256)
LARGEST_NUMBER = 65536
MOST_ENTRIES = 20000
LEAST_TENSOR = 4096  # bytes that an allocation counts at least


def check_untrusted(config: Any, keys: Set[str]) -> None:
    """Checks a config that was read as plain data.

    Args:
        config: What the file contains.
        keys: The keys that it must have, among them ``model`` and ``label_map``.

    Raises:
        InputError: If anything is unknown or out of bounds: keys, types, strings that are not names, numbers
            too large to be meant, class names that are not printable.
    """
    if not isinstance(config, dict) or set(config) != keys:
        given = sorted(map(str, config)) if isinstance(config, dict) else type(config).__name__
        raise InputError(f'must have exactly the keys {", ".join(sorted(keys))}, but has {given}')
    if sum(1 for _ in flat(config)) > MOST_ENTRIES + count_names(config['label_map']):
        raise InputError(f'has more than {MOST_ENTRIES} entries')
    for key in sorted(keys - {'label_map'}):
        for path, value in flat(config[key], key):
            check_value(path, value)
            if isinstance(value, dict) and 'type' in value:
                check_type(path, value['type'], MODELS if key == 'model' else TRANSFORMS)
        if key.endswith('_pipeline') and not (isinstance(config[key], list) and all(
                isinstance(part, dict) and 'type' in part for part in config[key])):
            raise InputError(f'{key}: must be a list of transforms')
        check_keys(config[key], key)
    if not isinstance(config['model'], dict) or 'type' not in config['model']:
        raise InputError('model: has no type')


def count_names(label_map: Any) -> int:
    """Returns the number of class names.

    Raises:
        InputError: If it is not lists of printable names by task.
    """
    given: Any = label_map if isinstance(label_map, dict) else {'': None}
    for task, names in given.items():
        if not KEY.fullmatch(task) or not isinstance(names, list) or len(names) > LARGEST_NUMBER or not all(
                isinstance(name, str) and name.isprintable() and len(name) <= 500 for name in names):
            raise InputError('label_map: must have a list of printable names for each task')
    return sum(map(len, given.values()))


def check_value(path: str, value: Any) -> None:
    """Raises an InputError if a value, or a key of a dict, is out of bounds."""
    if isinstance(value, dict):
        for key, part in value.items():
            if not KEY.fullmatch(key) or FOREIGN.search(key) and part:
                raise InputError(f'{path}: the key {key[:80]!r} is not for published configs')
    elif isinstance(value, str):
        if not STRING.fullmatch(value):
            raise InputError(f'{path}: {value[:80]!r} is not a name; published configs have no paths')
    elif isinstance(value, (int, float)):
        most = LARGEST.get(path.rpartition('.')[2], LARGEST_NUMBER)
        if not abs(value) <= most:  # so that NaN is refused, too
            raise InputError(f'{path}: {value!r:.80} is absurd; {most} is the most')


def check_type(path: str, name: Any, registry: Registry) -> None:
    """Raises an InputError if a type is not a harmless part that is registered.

    The registries are asked without ``Registry.get``, which imports whatever a name with dots stands for.
    """
    match = TYPE.fullmatch(name) if isinstance(name, str) else None
    found, scope, short = None, *(match.groups() if match else ('', ''))
    for part in (registry, registry.parent):
        if part and scope in (None, part.scope):
            found = found or part.module_dict.get(short)
    module = getattr(found, '__module__', '')
    hosts = module.partition('.')[0] in HOSTS
    if found is None or hosts and not HARMLESS.match(module) and short not in LOADING:
        raise InputError(
            f'{path}.type: {str(name)[:80]!r} may not be named there; only parts of this package, heads, '
            'preprocessors and transforms of MMAction2, and what your own program has registered')


class Budget(TorchDispatchMode):
    """Stops the construction of a model that needs far more memory than its file explains.

    Args:
        most: Bytes that may be allocated.

    Raises:
        InputError: If more is allocated.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self.left = self.most = most

    def spend(self, size: int) -> None:
        """Counts an allocation."""
        self.left -= max(size, LEAST_TENSOR)
        if self.left < 0:
            raise InputError(f'needs more than {self.most >> 20} MiB, which its weights do not explain')

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        """Counts what is created, and what is broadcast before it is computed."""
        shapes = [part.shape for part in args if isinstance(part, Tensor)]
        if len(shapes) > 1 and all(a == b or 1 in (a, b) for a, b in zip(*(s[::-1] for s in shapes[:2]))):
            self.spend(8 * math.prod(torch.broadcast_shapes(*shapes[:2])))
        result = func(*args, **(kwargs or {}))
        if not shapes and isinstance(result, Tensor):
            self.spend(result.nbytes)
        return result
