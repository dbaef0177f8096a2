"""Exported models in place of recognizers."""
import json
from typing import Any, Dict, List, Optional, Union

import torch
from mmengine import Config
from mmengine.model import BaseModel

from mmaction.apis import init_recognizer
from mmaction.structures import ActionDataSample

from ..datasets import pipeline_of
from ..utils import InputError
from .exported import ExportedModel
from .metadata import pipeline_at, sampling

SUFFIX = '.onnx'  # the only one: reading a .pt2 file of a stranger is not safe
SIZE = ('sampling', 'frames'), ('crop', 'size')  # in the metadata


class ExportedRecognizer:
    """Predicts as the recognizer that an ONNX file was exported from, for programs that only predict.

    Args:
        file: The file.
        config: The config that it was exported from. If the file was exported with other --frames or --size,
            the pipelines of the config are changed to these. The class names of the file replace its own.

    Raises:
        InputError: If the config reads other clips than the model was exported for.
    """

    def __init__(self, file: str, config: Config) -> None:
        self.exported, self.cfg = ExportedModel(file), config
        fit_pipelines(config, self.exported.metadata)
        config.label_map = self.exported.metadata.get('classes') or config.get('label_map')
        reads = json.loads(json.dumps(sampling(pipeline_of(config))))
        for key, value in reads.items():
            made = self.exported.metadata.get(key)
            if made != value:
                raise InputError(f'{file}: was exported for {key} {made}, but that of {config.filename} is '
                                 f'{value}; give the config that it was exported from')

    def test_step(self, data: Dict[str, Any]) -> List[ActionDataSample]:
        """Predicts a batch as ``pseudo_collate`` returns it; the samples get ``pred_score``."""
        inputs = data['inputs']
        samples = [sample.clone() for sample in data['data_samples']]  # a batch may have one of them twice
        for i, sample in enumerate(samples):
            views = {key: v[i] for key, v in inputs.items()} if isinstance(inputs, dict) else inputs[i]
            scores = {task: torch.from_numpy(s) for task, s in self.exported.predict(views).items()}
            sample.set_pred_score(scores if len(scores) > 1 else next(iter(scores.values())))
        return samples


def fit_pipelines(config: Config, metadata: Dict[str, Any]) -> None:
    """Makes the pipelines read clips of the size that a model was exported for, if it is another one."""
    made: List[Any] = [(metadata.get(key) or {}).get(name) for key, name in SIZE]
    reads = sampling(pipeline_of(config))
    if None in made or made == [(reads[key] or {}).get(name) for key, name in SIZE]:
        return
    for views in ('val', 'test'):
        if config.get(f'{views}_dataloader'):
            pipeline = pipeline_at(pipeline_of(config, views), *made)
            config[f'{views}_dataloader'].dataset.pipeline = pipeline


Recognizer = Union[BaseModel, ExportedRecognizer]


def open_recognizer(config: Config, weights: Optional[str], device: str) -> Recognizer:
    """Opens a model that predicts.

    Args:
        config: Its config.
        weights: A checkpoint, or an exported model, ``*.onnx``; None means random weights.
        device: Device of a checkpoint's model; exported ones run on the CPU.
    """
    if weights and weights.endswith(SUFFIX):
        return ExportedRecognizer(weights, config)
    return init_recognizer(config, weights, device=device)
