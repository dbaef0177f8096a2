"""Converts a CLIP or VideoMAE checkpoint into the weights of one expert's tower, and back.

    python tools/convert/expert_checkpoint.py SRC DST [--reverse]

SRC is OpenAI's CLIP archive, an open_clip file, a VideoMAE file of its authors (pre-trained or
fine-tuned) or of MMAction2; the kind is recognised. Configs take SRC or DST alike as an expert's
``checkpoint``; DST is smaller, as only what CAST uses is in it. With ``--reverse`` such a DST
becomes a file in open_clip's (``visual.``) or the VideoMAE authors' fine-tuned names (``module``).
"""
import argparse

import torch

from projects.cast.checkpoints import VIDEOMAE, read_expert, rename
from projects.cast.utils import run_tool


def convert(src: str, dst: str, reverse: bool = False) -> int:
    """Writes DST; returns the number of tensors."""
    state = read_expert(src)
    if not reverse:
        renamed = {'state_dict': state}
    elif 'conv1.weight' in state:
        renamed = {f'visual.{k}': v for k, v in state.items()}
    else:
        renamed = {'module': rename(state, VIDEOMAE, reverse=True)}
    with open(dst, 'wb') as file:
        torch.save(renamed, file)
    return len(state)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('src', help='checkpoint to read')
    parser.add_argument('dst', help='checkpoint to write')
    parser.add_argument('--reverse', action='store_true', help='back into the upstream names')
    args = parser.parse_args()
    print(f'{args.dst}: {convert(args.src, args.dst, args.reverse)} tensors')


if __name__ == '__main__':
    run_tool(main)
