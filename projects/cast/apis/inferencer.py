"""Predictions with class names, for one label or for several, from files or from arrays of frames."""
import logging
from typing import Callable, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np
import torch
from mmengine import Config
from mmengine.dataset import Compose
from mmengine.logging import print_log
from torch import Tensor, nn

from mmaction.apis.inferencers import ActionRecogInferencer
from mmaction.registry import INFERENCERS
from mmaction.structures import ActionDataSample

from ..datasets import Names, pipeline_of, read_names
from ..hub import find, open_model
from ..utils import InputError

NO_SOUND = 'has no sound; the model heard padding instead'

Ranking = List[Tuple[str, float]]


def rank_classes(score: Tensor, names: Optional[List[str]], topk: int) -> Ranking:
    """Returns the best classes and their probabilities."""
    values, indices = score.float().topk(min(topk, len(score)))
    return [(names[i] if names else str(i), value)
            for value, i in zip(values.tolist(), indices.tolist())]


def rankings(pred_score: Union[Tensor, Dict[str, Tensor]], names: Names, topk: int) -> Dict[str, Ranking]:
    """Returns a ranking for each task, and for two tasks one of actions, by p(verb) * p(noun).

    Raises:
        InputError: If a label map has another number of classes than the model.
    """
    scores = pred_score if isinstance(pred_score, dict) else {'action': pred_score}
    for task, score in scores.items():
        have = names.get(task)
        if have and len(have) != len(score):
            raise InputError(f'the label map for {task} has {len(have)} names, but the model has '
                             f'{len(score)} classes; give the right one as label_map')
    result = {task: rank_classes(s, names.get(task), topk) for task, s in scores.items()}
    if len(scores) == 2 and 'action' not in scores:
        verb, noun = scores.values()
        verbs, nouns = ([*(names.get(task) or map(str, range(len(s))))] for task, s in scores.items())
        pairs = [f'{v} {n}' for v in verbs for n in nouns]
        result['action'] = rank_classes(torch.outer(verb, noun).flatten(), pairs, topk)
    return result


@INFERENCERS.register_module()
class CASTInferencer(ActionRecogInferencer):
    """MMAction2's ``ActionRecogInferencer`` with all views of the config and names for all tasks.

    Usage::

        from projects.cast.apis import CASTInferencer
        infer = CASTInferencer('configs/cast/CONFIG.py', 'CHECKPOINT.pth')
        infer('video.mp4')['predictions'][0]    # {'verb': [('take', 0.8), ...], 'noun': ..., 'action': ...}

    A call takes a video file, an array of frames (frames, height, width, 3) in RGB from 0 to 255, or a list
    of these, and the arguments of MMAction2's inferencer. A config with sound hears that of the file; if
    there is none, as in arrays, the log says so.

    Args:
        model: A config, its path, or what :func:`load` takes: a name, a folder, or ``hf:USER/REPOSITORY``.
        weights: A checkpoint. Without one, those that are published for the model; those of a config or its
            path are then random.
        device: Device to use; by default, the best one available.
        label_map: See :func:`read_names`; by default, the config's.
        topk: Length of each ranking.

    Raises:
        InputError: If a video, an array or a label map cannot be used.
    """

    def __init__(self,
                 model: Union[str, Config],
                 weights: Optional[str] = None,
                 device: Optional[str] = None,
                 label_map: Optional[Sequence[str]] = None,
                 topk: int = 5) -> None:
        super().__init__(model, weights, device)
        self.topk = topk
        self.names = read_names(self.cfg, label_map)

    def _init_model(self, cfg: Config, weights: Optional[str], device: str = 'cpu') -> nn.Module:
        return open_model(cfg, weights, device)

    def _load_model_from_metafile(self, model: str) -> Tuple[Config, str]:
        """Returns config and weights of what is not the path of a config."""
        return find(model)

    def _init_pipeline(self, cfg: Config) -> Callable:
        """Builds the config's own test pipeline, which reads files and arrays."""
        pipeline = Compose(pipeline_of(cfg))
        return lambda video: pipeline(sample(video))

    def pred2dict(self, data_sample: ActionDataSample) -> Dict[str, Ranking]:
        """Returns a ranking for each task, and logs a warning if there was nothing to hear."""
        if data_sample.get('no_sound'):
            name = data_sample.get('filename', 'an array of frames')
            print_log(f'{name}: {NO_SOUND}', 'current', logging.WARNING)
        return rankings(data_sample.pred_score, self.names, self.topk)


def sample(video: Union[str, np.ndarray]) -> dict:
    """Converts a video to the input of a pipeline.

    Raises:
        InputError: If an array does not contain RGB frames.
    """
    if not isinstance(video, np.ndarray):
        return dict(filename=str(video), label=-1, start_index=0, modality='RGB')
    if video.ndim != 4 or not len(video) or video.shape[-1] != 3 or video.dtype != np.uint8:
        raise InputError(f'an array of frames must be (frames, height, width, 3) in uint8, got {video.shape} '
                         f'in {video.dtype}; put the channels last and scale the values to 0 to 255')
    return dict(array=video, label=-1, start_index=0, modality='RGB')
