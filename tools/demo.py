"""Prints the classes that a model predicts for a video.

    python tools/demo.py VIDEO CONFIG [CHECKPOINT] [--device cuda:0] [--topk 5] [--label-map ...]
"""
import argparse
import os
from contextlib import contextmanager
from typing import Iterator

import projects.cast  # noqa: F401  isort: skip  must precede anything of mmaction
import torch
from mmengine import DictAction

from mmaction.apis import inference_recognizer, init_recognizer
from mmaction.utils import register_all_modules
from projects.cast.apis import rankings, read_names
from projects.cast.apis.inferencer import NO_SOUND
from projects.cast.engine import read_config
from projects.cast.utils import MissingFileError, run_tool


@contextmanager
def quiet_decoder() -> Iterator[None]:
    """Hides what the decoder itself writes to stderr, as our own error is sufficient."""
    stderr = os.dup(2)
    with open(os.devnull, 'w') as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('video', help='a video file')
    parser.add_argument('config', help='a config file')
    parser.add_argument('checkpoint', nargs='?', help='checkpoint; without one, the weights are random')
    parser.add_argument('--device', default='cuda:0' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--topk', type=int, default=5)
    parser.add_argument('--label-map', nargs='+', metavar='NAME',
                        help='label map(s) instead of the config\'s: files or shipped names; '
                        'two for verb and noun, in this order')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='same as for tools/test.py')
    args = parser.parse_args()
    if not os.path.isfile(args.video):
        raise MissingFileError(f'{args.video}: no such video')

    register_all_modules()
    config = read_config(args.config, args.cfg_options)
    names = read_names(config, args.label_map)
    model = init_recognizer(config, args.checkpoint, device=args.device)
    with quiet_decoder():
        result = inference_recognizer(model, args.video)
    if args.checkpoint is None:
        print('No checkpoint: weights and scores are random; this only shows that the pipeline works.')
    if result.get('no_sound'):
        print(f'{args.video}: {NO_SOUND}.')
    for task, ranking in rankings(result.pred_score, names, args.topk).items():
        print(f'\n{task}')
        for name, value in ranking:
            print(f'  {100 * value:5.1f} %  {name}')


if __name__ == '__main__':
    run_tool(main)
