"""Adds sound to the pipelines of a data set of videos."""
import inspect
from typing import Any, List, Mapping, Sequence

from mmengine import ConfigDict

from mmaction.datasets.transforms import PackActionInputs

from ..utils import InputError

Pipeline = List[dict]
META_KEYS = inspect.signature(PackActionInputs).parameters['meta_keys'].default  # of the host


def with_sound(base: ConfigDict, num_rows: int = 1024, num_clips: int = 2,
               meta_keys: Sequence[str] = (), spec_augment: Mapping[str, Any] = {}) -> List[Pipeline]:
    """Returns the three pipelines of a config of videos, which then also read the sound.

    The spectrogram is made after the frames are chosen, as ``times`` contains the time of each of them. In
    training, parts of it are masked (SpecAugment). All else stays as it is. A config of a data set says::

        _base_ = 'VIDEOS.py'
        from projects.cast.engine import with_sound

        train_pipeline, val_pipeline, test_pipeline = with_sound(_base_, num_rows=400)

    Args:
        base: Config with ``train_pipeline``, ``val_pipeline`` and ``test_pipeline``; inside a config file, it
            is ``_base_``.
        num_rows: Length of the spectrogram, with a row every 10 ms.
        num_clips: Number of clips in testing.
        meta_keys: Further fields of the sample to keep for metrics and dumped scores.
        spec_augment: Arguments of :class:`SpecAugment`; masks must suit the length of the spectrogram.

    Raises:
        InputError: If a pipeline has no frame sampler or does not pack its inputs.
    """
    return [add_sound(base[f'{split}_pipeline'], num_rows, meta_keys, spec_augment,
                      num_clips if split == 'test' else 1)
            for split in ('train', 'val', 'test')]


def add_sound(pipeline: Sequence[dict], num_rows: int, meta_keys: Sequence[str],
              spec_augment: Mapping[str, Any], num_clips: int) -> Pipeline:
    """Returns one pipeline with sound; see :func:`with_sound`."""
    num_crops = next((t['num_crops'] for t in pipeline if t['type'] == 'EqualCrops'), 1)
    sounding: Pipeline = []
    for transform in pipeline:
        if transform['type'] == 'PackActionInputs':
            kept = transform.get('meta_keys', META_KEYS)
            transform = dict(transform, collect_keys=('imgs', 'audio', 'times'),
                             meta_keys=(*kept, 'no_sound', 'damaged_sound', *meta_keys))
        if 'clip_len' not in transform:
            sounding.append(transform)
            continue
        training = not transform.get('test_mode')
        sounding.append(dict(transform, num_clips=num_clips) if num_clips > 1 else transform)
        sounding.append(dict(type='LoadSpectrogram', num_rows=num_rows, num_crops=num_crops,
                             test_mode=not training))
        if training:
            sounding.append(dict(type='SpecAugment', **spec_augment))
    types = [transform['type'] for transform in sounding]
    if types.count('LoadSpectrogram') != 1 or types[-1] != 'PackActionInputs':
        raise InputError(f'a pipeline of {", ".join(t["type"] for t in pipeline)} must have one frame '
                         'sampler with clip_len, and PackActionInputs at its end')
    return sounding
