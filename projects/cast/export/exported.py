"""Runs exported models."""
import json
import zipfile
from pathlib import Path
from typing import Any, Dict, List, Optional, Union

import numpy as np
import torch
from torch import Tensor

from ..models.inputs import Inputs, as_batch, flatten_views
from ..utils import InputError, MissingFileError, library
from .writer import EXTRA, INSTALL, KEY, SUFFIXES

Arrays = Dict[str, np.ndarray]


class ExportedModel:
    """A model that ``tools/export.py`` wrote, with the same interface for both formats.

    Usage::

        model = ExportedModel('model.onnx')
        model(video=clips)                 # uint8 clips (N, 3, F, H, W): scores (N, classes) by task
        model.predict(packed['inputs'])    # the views of a video, as a pipeline packs them

    Load ``.pt2`` files only from those whom you trust.

    Args:
        file: Its file.
        threads: Number of threads of onnxruntime; by default, it decides. torch has its own setting.
        compiled: Whether to compile a ``.pt2`` file when it is first called.

    Attributes:
        metadata: See docs/export.md.

    Raises:
        InputError: If the file is missing or is no such model.
    """

    def __init__(self, file: str, threads: Optional[int] = None, compiled: bool = False) -> None:
        self.file = str(file)
        if not Path(file).is_file():
            raise MissingFileError(f'{file}: no such exported model')
        if Path(file).suffix not in SUFFIXES:
            raise InputError(f'{file}: must end in {" or ".join(SUFFIXES)}')
        try:
            text = self.open_onnx(threads) if self.file.endswith('.onnx') else self.open_program(compiled)
        except InputError:
            raise
        except Exception as error:  # whatever onnxruntime and torch raise for damaged files
            reason = ' '.join(str(error).split())[:200]
            raise InputError(f'{file}: cannot be loaded ({reason})') from error
        self.metadata: Dict[str, Any] = read_metadata(text)
        if not self.metadata:
            raise InputError(f'{file}: was not written by tools/export.py, as it has no such metadata')
        self.outputs: List[str] = self.metadata['outputs']

    def open_onnx(self, threads: Optional[int]) -> str:
        """Opens an ONNX file, and returns its metadata."""
        ort: Any = library('onnxruntime', 'an ONNX model', INSTALL)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads or 0
        session = ort.InferenceSession(self.file, options, providers=['CPUExecutionProvider'])
        self.run = lambda inputs: session.run(None, inputs)
        return session.get_modelmeta().custom_metadata_map.get(KEY, '')

    def open_program(self, compiled: bool) -> str:
        """Opens a ``.pt2`` file, and returns its metadata."""
        with zipfile.ZipFile(self.file) as archive:
            names = [name for name in archive.namelist() if name.endswith(f'/extra/{EXTRA}')]
            text = archive.read(names[0]).decode() if names else ''
        if 'int8' in str(read_metadata(text).get('precision')):
            library('torchao.quantization', 'a model in int8', INSTALL)  # its tensors are known from now on
        module: Any = torch.export.load(self.file).module()
        module = torch.compile(module) if compiled else module

        def run(inputs: Arrays) -> List[np.ndarray]:
            with torch.no_grad():
                return [score.numpy() for score in module(*map(torch.from_numpy, inputs.values()))]
        self.run = run
        return text

    def __call__(self, **inputs: Union[np.ndarray, Tensor]) -> Arrays:
        """Scores a batch of clips.

        Args:
            inputs: The inputs that the metadata lists, ``(N, ...)``, in their dtypes.

        Returns:
            Scores ``(N, classes)`` by task.

        Raises:
            InputError: If inputs are missing, or have another shape or dtype.
        """
        wanted = self.metadata['inputs']
        if set(inputs) != set(wanted):
            raise InputError(f'{self.file}: reads {", ".join(wanted)}, but got '
                             f'{", ".join(inputs) or "nothing"}')
        arrays = {name: np.ascontiguousarray(inputs[name]) for name in wanted}
        for name, array in arrays.items():
            shape, dtype = wanted[name]['shape'], wanted[name]['dtype']
            if list(array.shape[1:]) != shape[1:] or not len(array) or array.dtype != dtype:
                raise InputError(f'{self.file}: {name} must be ({", ".join(map(str, shape))}) in {dtype}, '
                                 f'got {array.shape} in {array.dtype}; export a model of another size with '
                                 '--frames and --size')
        counts = {name: len(array) for name, array in arrays.items()}
        if len(set(counts.values())) > 1:
            raise InputError(f'{self.file}: the inputs have different numbers of clips, {counts}')
        return dict(zip(self.outputs, self.run(arrays)))

    def predict(self, inputs: Inputs) -> Arrays:
        """Scores the views of one sample, and averages them.

        Args:
            inputs: What a test pipeline packs as ``inputs``: ``(views, ...)``, or a dict of these.

        Returns:
            Scores ``(classes, )`` by task.
        """
        scores = self(**flatten_views({name: value[None] for name, value in as_batch(inputs).items()}))
        return {task: score.mean(0) for task, score in scores.items()}


def read_metadata(text: str) -> Dict[str, Any]:
    """Returns the metadata of a model, which is empty if another program wrote it."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    known = isinstance(found, dict) and all(
        isinstance(found.get(key), kind) for key, kind in
        (('format', int), ('inputs', dict), ('outputs', list), ('sampling', dict), ('classes', dict)))
    return found if known else {}
