"""What a program must know to use an exported model, as plain data."""
import copy
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import torch
from huggingface_hub import ModelCard
from mmengine import Config

from mmaction.registry import TRANSFORMS
from mmaction.utils import ConfigType

from ..datasets import FrameSampler
from ..datasets.log_mel import BINS, FLOOR, FRAME, HOP
from ..engine import CONFIG_FILE
from ..hub.card import choose_licence
from ..hub.publish import class_names
from ..hub.remote import CARD_FILE
from ..models import CASTRecognizer
from ..utils import InputError
from ..version import __version__
from .scorer import Scorer

KINDS = dict(UniformClips='uniform', DenseClips='dense')  # of sampling; X-ViT's are named by its strategy
CROPS = 'CenterCrop', 'EqualCrops'
UNKNOWN = 'unknown: ask those who trained the weights'
FORMAT = 1  # number of this layout


def find(pipeline: Sequence[ConfigType], *types: str) -> Optional[dict]:
    """Returns the first transform of some types."""
    return next((dict(transform) for transform in pipeline if transform['type'] in types), None)


def pipeline_at(pipeline: Sequence[ConfigType], frames: int, size: int) -> List[dict]:
    """Returns a pipeline for clips of another size: frames, crops, and resizing in proportion.

    Raises:
        InputError: If its crops are of a type that is not known.
    """
    crop = find(pipeline, *CROPS)
    if crop is None:
        raise InputError(f'--size: the test pipeline crops by none of {", ".join(CROPS)}; change the config')
    changed = []
    for transform in copy.deepcopy([*map(dict, pipeline)]):
        if 'clip_len' in transform:
            transform['clip_len'] = frames
        elif transform['type'] in CROPS:
            transform['crop_size'] = size
        elif transform['type'] == 'Resize':
            transform['scale'] = tuple(
                side if side < 0 else round(side * size / crop['crop_size']) for side in transform['scale'])
        changed.append(transform)
    return changed


def sampling(pipeline: Sequence[ConfigType]) -> Dict[str, Any]:
    """Returns how frames are chosen, resized and cropped; what is not known is given as in the config."""
    config = next((dict(t) for t in pipeline if 'clip_len' in t), None)
    if config is None:
        raise InputError('the test pipeline has no sampler of frames with clip_len')
    sampler = TRANSFORMS.build(config)
    if isinstance(sampler, FrameSampler):
        kind = getattr(sampler, 'strategy', None) or KINDS.get(type(sampler).__name__, config['type'])
        chosen = dict(kind=kind, frames=sampler.clip_len, clips=sampler.num_clips,
                      interval=sampler.frame_interval)
    else:
        chosen = dict(config, kind=config.pop('type'))
    resize, crop = find(pipeline, 'Resize'), find(pipeline, *CROPS)
    if resize and -1 in resize['scale']:
        resize = dict(short_side=max(resize['scale']))
    elif resize and not resize.get('keep_ratio', True):
        resize = dict(zip(('width', 'height'), resize['scale']))
    if crop:
        crop = dict(size=crop['crop_size'], crops=crop.get('num_crops', 3) if crop['type'] == CROPS[1] else 1)
    return dict(sampling=chosen, resize=resize, crop=crop,
                pipeline=[str(transform['type']) for transform in pipeline])


def log_mel_recipe(load: dict) -> Dict[str, Any]:
    """Returns how ``audio`` and ``times`` are computed."""
    return dict(
        what='natural logarithm of the power in mel bands, as Kaldi computes it; see log_mel.py',
        rate=load.get('rate', 16000), frame_seconds=FRAME, hop_seconds=HOP, window='hann', preemphasis=0.97,
        remove_dc_offset=True, mel_bins=BINS, mel_scale='kaldi', low_hertz=20, floor_of_power=FLOOR,
        rows=load.get('num_rows', 1024), shorter_sound='zeros follow it',
        times='start and end of what is heard, then the time of each frame, in seconds')


def licence_of(cfg: Config, checkpoint_meta: dict, model: CASTRecognizer, given: Optional[str]) -> str:
    """Returns the licence of the weights; unlike publishing, exporting does not insist on one."""
    file = Path(str(cfg.filename))
    if given is None and file.name == CONFIG_FILE and file.with_name(CARD_FILE).is_file():
        return ModelCard.load(file.with_name(CARD_FILE)).data.license or UNKNOWN  # of a published model
    if given is None and 'release_key' not in checkpoint_meta:
        return UNKNOWN
    return choose_licence(checkpoint_meta, model.state_dict(), given)[0]


def describe(model: CASTRecognizer, scorer: Scorer, cfg: Config, pipeline: Sequence[ConfigType],
             checkpoint_meta: dict = {}, licence: Optional[str] = None,
             label_map: Optional[Sequence[str]] = None, precision: str = 'fp32') -> Dict[str, Any]:
    """Returns the metadata of an exported model; docs/export.md explains the keys.

    Args:
        model: The recognizer.
        scorer: What is exported of it.
        cfg: Its config.
        pipeline: The test pipeline, for the size of the export.
        checkpoint_meta: ``meta`` of the checkpoint.
        licence: Identifier of the licence of the weights.
        label_map: Replaces the config's class names; see :func:`read_names`.
        precision: ``fp32``, ``bf16``, ``int8 towers`` or ``int8 all``.

    Raises:
        InputError: If the class names or the licence do not fit, or the pipeline has no sampler.
    """
    names = class_names(cfg, model, label_map)
    normalisation = {
        name: {key: getattr(p, key).flatten().tolist() for key in ('mean', 'std') if hasattr(p, key)}
        for name, p in scorer.preprocessors.items()}
    inputs = {
        name: dict(shape=['batch', *shape], dtype=str(dtype).removeprefix('torch.'),
                   normalised_inside=normalisation.get(name, {}))
        for (name, shape), dtype in zip(scorer.inputs.items(), scorer.dtypes().values())}
    video = sampling(pipeline)
    views = video['sampling'].get('clips', 1) * (video['crop'] or {}).get('crops', 1)
    sound = find(pipeline, 'LoadSpectrogram')
    return dict(
        format=FORMAT, model=Path(str(cfg.filename)).stem, precision=precision,
        licence=licence_of(cfg, checkpoint_meta, model, licence), inputs=inputs, outputs=scorer.outputs,
        output=dict(prob='probabilities', score='logits').get(scorer.head.average_clips, 'logits'),
        classes={task: names[task] for task in scorer.outputs if task in names},
        views=views, over_views='mean of the outputs', **video, colour='RGB',
        **(dict(audio=log_mel_recipe(sound)) if sound else {}),
        versions={'cast-mmaction2': __version__, 'torch': torch.__version__})
