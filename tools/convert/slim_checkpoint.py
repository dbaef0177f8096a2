"""Takes the frozen experts out of a checkpoint, or puts them back from their files.

    python tools/convert/slim_checkpoint.py CONFIG SRC DST [--reverse]

DST is about a fifth of SRC, and is loaded like any other (tools/test.py, load_from, --resume): the experts
come from the files that the config names as their ``checkpoint``. With other files it is refused.
"""
import argparse

import torch
from mmengine.runner import load_checkpoint

from mmaction.registry import MODELS
from mmaction.utils import register_all_modules
from projects.cast.engine import read_config
from projects.cast.engine.slim_checkpoint import slim
from projects.cast.utils import run_tool


def convert(config: str, src: str, dst: str, reverse: bool = False) -> None:
    """Writes DST."""
    model = MODELS.build(read_config(config).model)
    checkpoint = load_checkpoint(model, src, 'cpu', strict=True)
    meta = {k: v for k, v in checkpoint.get('meta', {}).items() if k != 'experts'}
    whole = {'meta': meta, 'state_dict': model.state_dict()}
    with open(dst, 'wb') as file:
        torch.save(whole if reverse else slim(model, whole, model.fingerprints()), file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('config')
    parser.add_argument('src', help='checkpoint to read')
    parser.add_argument('dst', help='checkpoint to write')
    parser.add_argument('--reverse', action='store_true', help='from slim to whole')
    args = parser.parse_args()
    register_all_modules()
    convert(args.config, args.src, args.dst, args.reverse)
    print(f'{args.dst}: written')


if __name__ == '__main__':
    run_tool(main)
