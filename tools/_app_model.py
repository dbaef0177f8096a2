"""What the web page asks of a model: scores, scores of the muted video, and where the experts look."""
import sys
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModel

from projects.cast.apis import Names, Timeline, rankings, read_names
from projects.cast.datasets import pipeline_of
from projects.cast.datasets.log_mel import HOP
from projects.cast.engine import read_config
from projects.cast.export import Recognizer, open_recognizer
from projects.cast.models import exchange_blocks, record_attention

sys.path.insert(0, str(Path(__file__).parent / 'analysis'))
from _attention_picture import Map  # noqa: E402
from plot_attention import as_map, choose_blocks, one_view, sees_frames  # noqa: E402

ALL = sys.maxsize


class Prediction(NamedTuple):
    """The classes of a video.

    Attributes:
        best: The best classes by track: verb, noun and action, or one of them.
        muted: All classes of the same video without its sound, if it has any and the model listens.
        no_sound: Whether a model that listens had nothing to hear.
    """

    best: Dict[str, List[Tuple[str, float]]]
    muted: Optional[Dict[str, List[Tuple[str, float]]]]
    no_sound: bool


class Attention(NamedTuple):
    """Where the experts look in a clip.

    Attributes:
        block: The block, counted from 1.
        frames: What the model sees, RGB, ``(F, H, W, 3)``.
        maps: What is asked of the experts that see it.
    """

    block: int
    frames: np.ndarray
    maps: List[Map]


class ServedModel:
    """A model of the page, with its pipelines and the names of its classes.

    Args:
        config: A config file.
        checkpoint: Its checkpoint, or an exported model; without one, the weights are random.
        device: Device to use.
        label_map: See :func:`read_names`.
        options: Changes to the config.
        window, stride: Of the timeline, in seconds.
        topk: Number of classes to show.

    Raises:
        InputError: If the config, the checkpoint or a label map cannot be used.
    """

    def __init__(self, config: str, checkpoint: Optional[str], device: str,
                 label_map: Optional[Sequence[str]], options: Optional[dict], window: float, stride: float,
                 topk: int) -> None:
        self.config = read_config(config, options)
        self.title, self.random, self.topk = Path(config).stem, checkpoint is None, topk
        self.window, self.stride = window, stride
        for views in ('val', 'test'):
            for transform in pipeline_of(self.config, views):
                if transform['type'] in ('InitVideo', 'OpenVideo'):
                    transform['decoder'] = 'pyav'  # decord cannot read what browsers record
        self.model: Recognizer = open_recognizer(self.config, checkpoint, device)
        self.names: Names = read_names(self.config, label_map)  # after an exported model has given its own
        self.timeline = Timeline(self.model, self.config, window, stride)
        blocks = exchange_blocks(self.model) if isinstance(self.model, BaseModel) else []  # exported: hidden
        self.block = choose_blocks(self.model, (), config)[0] if blocks else None

    @torch.inference_mode()
    def predict(self, clip: dict) -> Prediction:
        """Predicts a clip of the test pipeline and, where there is sound, the same clip without it."""
        has_sound = isinstance(clip['inputs'], dict) and clip['inputs'].get('audio') is not None and (
            not clip['data_samples'].get('no_sound'))
        clips = [clip, muted(clip)] if has_sound else [clip]
        scores = [sample.pred_score for sample in self.model.test_step(pseudo_collate(clips))]
        silent = rankings(scores[1], self.names, ALL) if has_sound else None
        return Prediction(rankings(scores[0], self.names, self.topk), silent,
                          bool(clip['data_samples'].get('no_sound')))

    @torch.inference_mode()
    def attention(self, clip: dict) -> Optional[Attention]:
        """Returns where the experts look in the view in the middle, in the last block that shows it all."""
        if self.block is None:
            return None
        data, frames = one_view(clip)
        with record_attention(self.model, [self.block - 1]) as found:
            self.model.test_step(data)
        drawn = sorted((a for a in found if sees_frames(self.model, a.asked)),
                       key=lambda a: (not a.exchange, a.asking))
        return Attention(self.block, frames, [as_map(a) for a in drawn]) if drawn else None


def muted(clip: Dict[str, Any]) -> Dict[str, Any]:
    """Returns a clip as the pipeline would read it from the same file without its sound track."""
    audio, times = clip['inputs']['audio'], clip['inputs']['times'].clone()
    times[:, 0], times[:, 1] = 0, audio.shape[-2] * HOP
    return dict(clip, inputs={**clip['inputs'], 'audio': torch.zeros_like(audio), 'times': times})
