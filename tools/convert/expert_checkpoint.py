"""Converts a CLIP, VideoMAE or AST checkpoint to the weights of an expert's tower, and back.

    python tools/convert/expert_checkpoint.py SRC DST [--reverse]

SRC is OpenAI's CLIP archive, an open_clip file, a VideoMAE file of its authors (pre-trained or fine-tuned) or
of MMAction2, or AST as published by its authors, by Hugging Face, or as timm's distilled DeiT; its kind is
detected. A config accepts both SRC and DST as an expert's ``checkpoint``, but DST is smaller, as it contains
only what the expert uses. With ``--reverse``, such a DST is converted to the names of open_clip
(``visual.``), of the VideoMAE authors' fine-tuned files (``module``) or of AST's authors (``module.v.``).
"""
import argparse

import torch

from projects.cast.checkpoints import VIDEOMAE, read_expert, rename
from projects.cast.utils import run_tool


def convert(src: str, dst: str, reverse: bool = False) -> int:
    """Writes DST, and returns the number of tensors."""
    state = read_expert(src)
    if not reverse:
        renamed = {'state_dict': state}
    elif 'conv1.weight' in state:
        renamed = {f'visual.{k}': v for k, v in state.items()}
    elif 'dist_token' in state:
        renamed = {f'module.v.{k}': v for k, v in state.items()}
    else:
        renamed = {'module': rename(state, VIDEOMAE, reverse=True)}
    with open(dst, 'wb') as file:
        torch.save(renamed, file)
    return len(state)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('src', help='checkpoint to read')
    parser.add_argument('dst', help='checkpoint to write')
    parser.add_argument('--reverse', action='store_true', help='convert back to the upstream names')
    args = parser.parse_args()
    print(f'{args.dst}: {convert(args.src, args.dst, args.reverse)} tensors')


if __name__ == '__main__':
    run_tool(main)
