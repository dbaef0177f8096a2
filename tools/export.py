"""Exports a model to a file that runs without this package: ONNX, or a program of torch.

    python tools/export.py CONFIG CHECKPOINT OUT.onnx|OUT.pt2 [--int8 [towers|all]] [--check VIDEO]

The file takes clips in uint8, in batches of any number, of the one size that it was exported for. Class
names, sampling, licence and the like are in its metadata. docs/export.md has the details.
"""
import argparse
import copy
import os

import projects.cast  # noqa: F401  isort: skip  must precede anything of mmaction
import numpy as np
from mmengine import DictAction
from mmengine.dataset import Compose

from mmaction.apis import inference_recognizer
from mmaction.models.recognizers.base import BaseRecognizer
from projects.cast.apis.inferencer import sample
from projects.cast.datasets import pipeline_of
from projects.cast.engine import CONFIG_FILE, read_config
from projects.cast.export import WHICH, ExportedModel, Scorer, at_size, describe, pipeline_at, write
from projects.cast.hub import find, open_with_meta
from projects.cast.utils import InputError, MissingFileError, run_tool, scores_by_task

TOLERANCE = 1e-4


def check(file: str, model: BaseRecognizer, video: str, exact: bool) -> None:
    """Compares an exported model with ``inference_recognizer`` on a video.

    Raises:
        InputError: If they differ by more than rounding, although nothing was made coarser.
    """
    expected = scores_by_task(inference_recognizer(model, video).pred_score)
    found = ExportedModel(file).predict(Compose(model.cfg.test_pipeline)(sample(video))['inputs'])
    difference = max(float(np.abs(found[task] - score.numpy()).max()) for task, score in expected.items())
    same = all(found[task].argmax() == int(score.argmax()) for task, score in expected.items())
    print(f'{video}: the largest difference from PyTorch is {difference:.1e}, the best class is '
          f'{"the same" if same else "another"}')
    if exact and difference > TOLERANCE:
        raise InputError(f'{file}: differs from PyTorch by {difference:.1e} on {video}; please report this')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('config', help='a config file, its name, or the folder of a published model')
    parser.add_argument('checkpoint', help="a checkpoint; 'none' for random weights")
    parser.add_argument('out', help='a file that ends in .onnx or .pt2')
    parser.add_argument('--int8', nargs='?', const='towers', choices=WHICH,
                        help="linear layers in int8: those of the experts' towers (default), or all")
    parser.add_argument('--bf16', action='store_true', help='backbone in bfloat16 (.pt2 only)')
    parser.add_argument('--frames', type=int, help='frames of a clip, if not those of the config')
    parser.add_argument('--size', type=int, help='height and width, if not those of the config')
    parser.add_argument('--check', metavar='VIDEO', help='compare with PyTorch on a video')
    parser.add_argument('--label-map', nargs='+', metavar='NAME', help='class names instead of the config\'s')
    parser.add_argument('--licence', '--license', help='of the weights, for the metadata')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='same as for tools/test.py')
    args = parser.parse_args()
    if args.bf16 and args.int8:
        raise InputError('--bf16 and --int8: choose one of them')
    for name in ('frames', 'size'):
        value = getattr(args, name)
        if value is not None and value <= 0:
            raise InputError(f'--{name} {value} must be positive')
    if args.check and not os.path.isfile(args.check):
        raise MissingFileError(f'{args.check}: no such video')
    cfg, _ = find(args.config)
    if args.cfg_options:
        folder = os.path.dirname(cfg.filename)  # of a published model, whose config is plain data
        cfg = read_config(folder if cfg.filename.endswith(CONFIG_FILE) else cfg.filename, args.cfg_options)
    checkpoint = None if args.checkpoint == 'none' else args.checkpoint
    model, meta = open_with_meta(cfg, checkpoint, 'cpu')
    original = copy.deepcopy(model) if args.check else None  # exporting changes the model
    shape = at_size(model, args.frames, args.size)
    pipeline = pipeline_of(cfg)
    if args.frames or args.size:
        pipeline = pipeline_at(pipeline, *shape[:2])
    if args.bf16:
        model.backbone.bfloat16()
    scorer = Scorer(model)
    precision = 'bf16' if args.bf16 else f'int8 {args.int8}' if args.int8 else 'fp32'
    metadata = describe(model, scorer, cfg, pipeline, meta, args.licence, args.label_map, precision)
    for file in write(scorer, args.out, metadata, args.int8):
        print(f'{file}: {os.path.getsize(file) / 1e6:.1f} MB')
    inputs = (f'{name} ({", ".join(map(str, i["shape"]))}) in {i["dtype"]}'
              for name, i in metadata['inputs'].items())
    print(f'reads {"; ".join(inputs)}; licence: {metadata["licence"]}')
    if original is not None:
        original.cfg.test_pipeline = original.cfg.test_dataloader.dataset.pipeline = pipeline
        check(args.out, original, args.check, precision == 'fp32')


if __name__ == '__main__':
    run_tool(main)
