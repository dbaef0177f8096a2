"""Writes models as ONNX or as torch's exported programs."""
import hashlib
import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Set

import torch
from torch import nn

from ..utils import InputError, library
from .scorer import Scorer

SUFFIXES = '.onnx', '.pt2'
WHICH = 'towers', 'all'  # linear layers that int8 applies to
KEY = 'cast'  # of the metadata in an ONNX file
EXTRA = 'cast.json'  # the same in a .pt2 file
OPSET = 18
LARGEST = 2 * 10**9  # bytes; ONNX is a protocol buffer, which has at most 2 GiB
INSTALL = 'pip install -e ".[export]"'


@contextmanager
def complete(out: str) -> Iterator[Path]:
    """Yields a path to write to; what is written there, and beside it, gets to ``out`` if all goes well."""
    target = Path(out).absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f'.{target.name}.', dir=target.parent) as scratch:
        yield Path(scratch) / target.name
        for file in Path(scratch).iterdir():
            os.replace(file, target.parent / file.name)


def write(scorer: Scorer, out: str, metadata: Dict[str, Any], int8: Optional[str] = None) -> List[str]:
    """Exports a model, for batches of any number of clips.

    Args:
        scorer: The model. With ``int8`` and ``.pt2``, its weights are quantized in place.
        out: A file that ends in ``.onnx`` or ``.pt2``, which is replaced if it is there.
        metadata: See :func:`describe`.
        int8: Linear layers that compute in int8: those of the experts' ``towers``, or ``all``. Weights are
            quantized by channel, and activations while the model runs: in ONNX by tensor, in torch by token.

    Returns:
        The files: an ONNX model of more than 2 GB has a second one for its weights.

    Raises:
        InputError: If the suffix is another one, ONNX is asked for bfloat16, or a library is missing.
    """
    suffix = Path(out).suffix
    if suffix not in SUFFIXES:
        raise InputError(f'{out}: must end in {" or ".join(SUFFIXES)}')
    if suffix == '.onnx' and next(scorer.backbone.parameters()).dtype == torch.bfloat16:
        raise InputError(f"{out}: onnxruntime's CPU kernels have no bfloat16; export to .pt2, or use --int8")
    with torch.no_grad(), complete(out) as file:
        if suffix == '.onnx':
            write_onnx(scorer, file, metadata, int8)
        else:
            write_program(scorer, file, metadata, int8)
        return [str(Path(out).with_name(part.name)) for part in sorted(file.parent.iterdir())]


def dynamic(scorer: Scorer) -> tuple:
    """Returns torch's description of what is dynamic: the batch axis of each input."""
    return ({0: torch.export.Dim('batch')}, ) * len(scorer.inputs),


def write_program(scorer: Scorer, file: Path, metadata: Dict[str, Any], int8: Optional[str]) -> None:
    """Writes a ``.pt2`` file of ``torch.export``."""
    if int8:
        quantize_torch(scorer, int8)
    program = torch.export.export(scorer, scorer.example(), dynamic_shapes=dynamic(scorer))
    torch.export.save(program, file, extra_files={EXTRA: json.dumps(metadata)})


def write_onnx(scorer: Scorer, file: Path, metadata: Dict[str, Any], int8: Optional[str]) -> None:
    """Writes an ONNX file with standard operators only."""
    for name in ('onnx', 'onnxscript', 'onnxruntime'):
        library(name, 'exporting to ONNX', INSTALL)
    program = torch.onnx.export(
        scorer, scorer.example(), dynamo=True, opset_version=OPSET, dynamic_shapes=dynamic(scorer),
        input_names=[*scorer.inputs], output_names=scorer.outputs, verbose=False)
    assert program is not None  # as it is with dynamo=True
    program.model.metadata_props[KEY] = json.dumps(metadata)
    nodes = tower_nodes(program.model, scorer) if int8 == 'towers' else None
    total = sum(p.numel() * p.element_size() for p in scorer.parameters())
    if not int8:
        program.save(file, external_data=total > LARGEST)
        return
    if total > LARGEST:
        raise InputError(f'--int8: onnxruntime quantizes no model of {total / 1e9:.1f} GB; export to .pt2')
    from onnxruntime.quantization import QuantType, quantize_dynamic
    proto = program.model_proto
    del program
    del proto.graph.value_info[:]  # shapes with symbols that onnxruntime's own inference contradicts
    quantize_dynamic(proto, file, op_types_to_quantize=['MatMul', 'Gemm'], per_channel=True,
                     weight_type=QuantType.QInt8, nodes_to_quantize=nodes)


def digest(array: Any) -> bytes:
    """Returns a fingerprint of the values of a matrix."""
    return hashlib.sha1(array.tobytes()).digest()


def in_tower(name: str) -> bool:
    """Returns whether a parameter or module belongs to the tower of an expert."""
    return 'tower.' in name


def tower_nodes(model: Any, scorer: Scorer) -> List[str]:
    """Returns the names of the matrix products in the towers.

    The exporter transposes weights and drops their names, so that they are recognised by their values.
    """
    towers: Set[bytes] = set()
    for name, parameter in scorer.named_parameters():
        if in_tower(name) and parameter.ndim == 2:
            weight = parameter.detach().numpy()
            towers |= {digest(weight), digest(weight.T)}
    return [node.name for node in model.graph if node.op_type in ('MatMul', 'Gemm')
            and node.inputs[1].const_value is not None
            and digest(node.inputs[1].const_value.numpy()) in towers]


def quantize_torch(scorer: nn.Module, which: str) -> None:
    """Quantizes linear layers by torchao, in place: weights by channel, activations by token as they come.

    The time encoding is left alone, as it computes in float32 whatever the rest does.

    Args:
        scorer: A module.
        which: See :func:`write`.

    Raises:
        InputError: If torchao is not installed.
    """
    torchao: Any = library('torchao.quantization', 'int8 in torch', INSTALL)
    int8 = torchao.Int8DynamicActivationInt8WeightConfig(version=2)
    names = [name for name, module in scorer.named_modules() if isinstance(module, nn.Linear)]
    names += [name for name, _ in scorer.named_parameters() if name.endswith('in_proj_weight')]  # CLIP's
    torchao.quantize_(scorer, torchao.FqnToConfig({
        name: int8 for name in names
        if (which == 'all' or in_tower(name)) and 'time_encoding' not in name}), filter_fn=None)
