"""The model as a function of tensors alone, which exporters can trace."""
from typing import Any, Dict, List, Optional, Tuple

import torch
from torch import Tensor, nn

from ..models import CASTRecognizer, Expert, MultiExpertViT, VideoExpert
from ..models.heads.fused_head import full_precision
from ..models.inputs import HOST_NAMES, Shapes
from ..models.recognizer import experts_of
from ..utils import InputError, scores_by_task


class Scorer(nn.Module):
    """Scores single clips: normalisation, backbone, head and softmax.

    A recognizer averages the scores of a sample's views, which is left to the caller: the mean of what this
    module returns for the views is what ``inference_recognizer`` returns.

    Args:
        model: A recognizer of this package. Its parts are used as they are, and put in eval mode.
        features: Whether to return the features of the experts in place of scores.

    Attributes:
        inputs: Shape of each input, by name and without the batch axis: ``video`` in uint8, and for models
            that listen ``audio`` and ``times`` in float32.
        outputs: Name of each output: the tasks, where a single task is ``action``; or the experts.

    Raises:
        InputError: If it is another kind of model.
    """

    def __init__(self, model: nn.Module, features: bool = False) -> None:
        super().__init__()
        if not isinstance(model, CASTRecognizer) or not isinstance(model.backbone, (Expert, MultiExpertViT)):
            raise InputError(f'{type(model).__name__} cannot be exported; only models of type CASTRecognizer '
                             'with a backbone of this package can')
        preprocessor = model.data_preprocessor
        self.preprocessors: Any = nn.ModuleDict({
            HOST_NAMES.get(name, name): module for name, module in
            getattr(preprocessor, 'preprocessors', nn.ModuleDict(dict(video=preprocessor))).items()})
        self.backbone, self.features = model.backbone, features
        self.head: Any = model.cls_head
        self.task = (model.test_cfg or {}).get('task')
        self.inputs = input_shapes(self.backbone)
        self.eval()
        with torch.no_grad():
            self.outputs = [*self.named(self.example(1))]

    def dtypes(self) -> Dict[str, torch.dtype]:
        """Returns the dtype of each input: that in which pipelines give it."""
        videos = {e.modality for e in experts_of(self.backbone).values() if isinstance(e, VideoExpert)}
        return {name: torch.uint8 if name in videos else torch.float32 for name in self.inputs}

    def example(self, batch: int = 2) -> Tuple[Tensor, ...]:
        """Returns inputs of zeros."""
        return tuple(torch.zeros(batch, *shape, dtype=dtype)
                     for shape, dtype in zip(self.inputs.values(), self.dtypes().values()))

    def normalised(self, name: str, x: Tensor) -> Tensor:
        """Normalises an input as the data preprocessor does."""
        if name not in self.preprocessors:
            return x
        preprocessor = self.preprocessors[name]
        x = x.flip(1) if preprocessor.to_rgb else x
        return (x - preprocessor.mean) / preprocessor.std if hasattr(preprocessor, 'mean') else x.float()

    def named(self, inputs: Tuple[Tensor, ...]) -> Dict[str, Tensor]:
        """Returns the outputs by name."""
        feats = self.backbone({n: self.normalised(n, x) for n, x in zip(self.inputs, inputs)})
        if self.features:
            return feats if isinstance(feats, dict) else {self.backbone.name: feats}
        scores = scores_by_task(self.head(feats))
        if self.head.average_clips is not None:  # of a single view, this is softmax, sigmoid or nothing
            scores = {task: self.head.average_clip(full_precision(s)) for task, s in scores.items()}
        return {task: s for task, s in scores.items() if self.task in (None, task)}

    def forward(self, *inputs: Tensor) -> Tuple[Tensor, ...]:
        """Maps the :attr:`inputs` of a batch to the :attr:`outputs`, in their order."""
        return tuple(self.named(inputs).values())


def input_shapes(backbone: Any) -> Shapes:
    """Returns the native shape of each input of a backbone, without the batch axis."""
    if isinstance(backbone, Expert):
        return {backbone.modality: backbone.input_shape()}
    shapes = backbone.modality_shapes()
    return {**shapes, **backbone.side_inputs(shapes)}


def at_size(model: CASTRecognizer, frames: Optional[int] = None, size: Optional[int] = None) -> List[int]:
    """Makes a clip size the native one, so that no position table is resized in the graph.

    Args:
        model: A recognizer, which is changed in place.
        frames: Number of frames of a clip; by default, that of the model.
        size: Height and width in pixels; by default, those of the model.

    Returns:
        Frames, height and width.

    Raises:
        InputError: If they do not divide into tokens, or the model reads no video.
    """
    backbone: Any = model.backbone
    shape = input_shapes(backbone).get('video')
    if shape is None:
        if frames or size:
            raise InputError('--frames and --size: the model reads no video; leave them out')
        return []
    wanted = [frames or shape[1], size or shape[2], size or shape[3]]
    backbone.set_input_size(tuple(wanted))
    return wanted
