"""Sets values of a derived config at all the places that read them."""
import copy
import inspect
from typing import Any, Dict, List, Optional, Union

from mmengine import Config, ConfigDict

from ..utils import InputError
from .config_keys import TOP, flat, meant


def derive(base: ConfigDict, *, data_root: Optional[str] = None, data_root_val: Optional[str] = None,
           ann_file_train: Optional[str] = None, ann_file_val: Optional[str] = None,
           ann_file_test: Optional[str] = None, label_map: Union[str, Dict[str, str], None] = None,
           num_classes: Union[int, Dict[str, int], None] = None, clip_len: Optional[int] = None,
           decoder: Optional[str] = None, max_epochs: Optional[int] = None,
           warmup_epochs: Optional[int] = None, batch_size: Optional[int] = None,
           accumulative_counts: Optional[int] = None,
           checkpoints: Optional[Dict[str, Optional[str]]] = None, **keys: Any) -> Dict[str, Any]:
    """Sets values of a derived config at all the places of its base config that read them.

    A config file is evaluated after those that it inherits from, so that setting a variable such as
    ``data_root`` again has no effect. Instead, a config file calls this function after ``_base_``::

        _base_ = 'BASE.py'
        from projects.cast.engine import derive

        locals().update(derive(_base_, data_root='data/own/videos', max_epochs=20))

    Every argument is optional. Values that are not given stay as they are in the base config.

    Args:
        base: The config to derive from; inside a config file, it is ``_base_``.
        data_root: Folder of the videos.
        data_root_val: Folder for validation and testing; ``data_root`` by default.
        ann_file_train, ann_file_val: Lists of the training and validation videos.
        ann_file_test: List of the test videos; ``ann_file_val`` by default.
        label_map: File of class names, or one file per task.
        num_classes: Number of classes of the head, the datasets and mixup, or a dict of numbers by task.
        clip_len: Number of frames of a clip, in all pipelines.
        decoder: What decodes videos, in all pipelines; see ``InitVideo``.
        max_epochs, warmup_epochs: Number of training epochs, and of those with a rising learning rate.
        batch_size: Clips per step on one GPU, in training and validation. The learning rate is scaled with
            the total batch of a step; ``--auto-scale-lr`` adapts it to several GPUs.
        accumulative_counts: Number of steps per update; the learning rate is scaled with it, too.
        checkpoints: File of the weights, or None, for each expert that is named.
        keys: Further top-level keys, merged last in the way a config file is merged over its base.
            ``train_pipeline``, ``val_pipeline`` and ``test_pipeline`` are also set in the datasets.

    Returns:
        The top-level keys that differ from those of the base config, each with its complete value.

    Raises:
        InputError: If a key or an expert is unknown, or a value does not fit the base config.
    """
    known = {*inspect.signature(derive).parameters, *base, *TOP} - {'base', 'checkpoints', 'keys'}
    for key in set(keys) - known:
        raise InputError(f'derive: nothing reads {key!r}{meant(key, known | {"checkpoints"})}')
    cfg = copy.deepcopy(base)
    variables = dict(
        data_root=data_root, data_root_val=data_root_val or data_root, ann_file_train=ann_file_train,
        ann_file_val=ann_file_val, ann_file_test=ann_file_test or ann_file_val, label_map=label_map,
        num_classes=num_classes, max_epochs=max_epochs, warmup_epochs=warmup_epochs)
    put(cfg, variables)
    for split in ('train', 'val', 'test'):
        pipeline = keys.pop(f'{split}_pipeline', None)
        if pipeline is not None:
            cfg[f'{split}_pipeline'] = pipeline
        values = dict(ann_file=variables[f'ann_file_{split}'], num_classes=num_classes, pipeline=pipeline)
        root = variables['data_root' if split == 'train' else 'data_root_val']
        for dataset in parts_with('ann_file', cfg.get(f'{split}_dataloader')):
            put(dataset, values)
            if root is not None:
                dataset.data_prefix = dict(dataset.get('data_prefix', {}), video=root)
    if num_classes is not None:
        set_classes(cfg.model, num_classes)
    for key, value in dict(clip_len=clip_len, decoder=decoder).items():
        for transform in parts_with(key, [
                part for name, part in cfg.items() if name.endswith(('_pipeline', '_dataloader'))]):
            transform[key] = transform[key] if value is None else value
    if max_epochs is not None or warmup_epochs is not None:
        set_epochs(cfg, max_epochs, warmup_epochs)
    if batch_size is not None or accumulative_counts is not None:
        set_batch(cfg, batch_size, accumulative_counts)
    for name, file in (checkpoints or {}).items():
        experts = cfg.model.backbone.get('experts')
        if experts is None:
            raise InputError(f'checkpoints: the backbone {cfg.model.backbone.type} has no experts to name; '
                             'set model=dict(backbone=dict(checkpoint=FILE))')
        if name not in experts:
            raise InputError(f'checkpoints: there is no expert {name!r}; there are {", ".join(experts)}')
        experts[name].checkpoint = file
    merged = Config(cfg)
    merged.merge_from_dict(keys, allow_list_keys=False)
    # The result is merged over the base once more; as each value is complete, it replaces the old one.
    return {key: dict(value, _delete_=True) if isinstance(value, dict) and key in base else value
            for key, value in merged.items() if key not in base or value != base[key]}


def put(part: ConfigDict, values: Dict[str, Any]) -> None:
    """Sets the values that are not None; ``ConfigDict.update`` would merge tasks with the former ones."""
    for key, value in values.items():
        if value is not None:
            part[key] = copy.deepcopy(value)


def parts_with(key: str, cfg: Any) -> List[ConfigDict]:
    """Returns all dicts at and below ``cfg`` that have the key."""
    return [part for _, part in flat(cfg, 'cfg') if isinstance(part, dict) and key in part]


def set_classes(model: ConfigDict, num_classes: Union[int, Dict[str, int]]) -> None:
    """Sets the number of classes of the head, and of mixup if it is enabled."""
    now = model.cls_head.get('num_classes')
    if now is not None and isinstance(now, dict) != isinstance(num_classes, dict):
        wanted = f'a number per task, such as {dict(now)}' if isinstance(now, dict) else 'one number'
        raise InputError(f'num_classes={num_classes}: {model.cls_head.type} takes {wanted}')
    model.cls_head.num_classes = num_classes
    blending = model.get('data_preprocessor', {}).get('blending')
    for part in parts_with('num_classes', blending):
        part.num_classes = num_classes
    if blending and isinstance(num_classes, dict):  # its defaults are numbers of other classes
        blending.num_classes = num_classes


def set_epochs(cfg: ConfigDict, max_epochs: Optional[int], warmup_epochs: Optional[int]) -> None:
    """Sets the number of training and warm-up epochs, and adapts the learning rate schedule."""
    schedule, last = cfg.param_scheduler, cfg.train_cfg.max_epochs
    risen = schedule[0].get('warmup', schedule[0].end if len(schedule) > 1 else 0)
    new_last = last if max_epochs is None else max_epochs
    new_risen = risen if warmup_epochs is None else warmup_epochs
    if new_risen >= new_last:
        raise InputError(f'warmup_epochs={new_risen} must be less than max_epochs={new_last}')
    if new_risen and not risen:
        raise InputError(f'warmup_epochs={new_risen}: the base config has no warm-up')
    moved = {risen: new_risen, last: new_last, 0: 0}
    for part in schedule:
        part.update(begin=moved.get(part.begin, part.begin), end=moved.get(part.end, part.end))
        if 'T_max' in part:
            part.T_max = part.end - part.begin
        if 'warmup' in part:  # WarmupCosineLR
            part.warmup = new_risen
    cfg.param_scheduler = [part for part in schedule if part.begin < part.end]
    cfg.train_cfg.max_epochs = new_last


def set_batch(cfg: ConfigDict, batch_size: Optional[int], accumulative_counts: Optional[int]) -> None:
    """Sets the batch size and the steps per update, and scales the learning rate by their product."""
    wrapper, scaling = cfg.optim_wrapper, cfg.auto_scale_lr
    before = scaling.base_batch_size * wrapper.get('accumulative_counts', 1)
    if batch_size is not None:
        scaling.base_batch_size = batch_size
        cfg.train_dataloader.batch_size = cfg.val_dataloader.batch_size = batch_size
    if accumulative_counts is not None:
        wrapper.accumulative_counts = accumulative_counts
    wrapper.optimizer.lr *= scaling.base_batch_size * wrapper.get('accumulative_counts', 1) / before
