"""Removes the frozen experts from a checkpoint, or restores them from their files.

    python tools/convert/slim_checkpoint.py CONFIG SRC DST [--reverse]

DST has about a fifth of the size of SRC, and is loaded like any other checkpoint (tools/test.py, load_from,
--resume): the experts come from the files named as ``checkpoint`` in the config. Other files are rejected.
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
    parser.add_argument('--reverse', action='store_true', help='convert a slim checkpoint to a complete one')
    args = parser.parse_args()
    register_all_modules()
    convert(args.config, args.src, args.dst, args.reverse)
    print(f'{args.dst}: written')


if __name__ == '__main__':
    run_tool(main)
