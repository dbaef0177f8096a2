"""Converts a checkpoint of the authors of CAST, CA2ST, CAVA or X-ViT for this package, and back.

    python tools/convert/release_checkpoint.py SRC DST [--reverse | --drop-head]

The system is recognised from the names of the tensors. They are renamed, never changed; converting there and
back gives the same file contents bit for bit, except for what the authors' programs never use:
``audio_ln_post`` of CA2ST and CAVA, and ``new_fc`` of X-ViT. With ``--drop-head``, SRC may also be a
checkpoint of this package, including those written during training.
"""
import argparse

import torch

from projects.cast.checkpoints import read_checkpoint, recognise, rename, unwrap
from projects.cast.utils import InputError, run_tool


def convert(src: str, dst: str, reverse: bool = False, drop_head: bool = False) -> int:
    """Writes DST, and returns the number of tensors.

    Args:
        src: File to read.
        dst: File to write.
        reverse: Whether to convert our names to the release's.
        drop_head: Whether to leave out the classification head, for fine-tuning with other classes.

    Raises:
        InputError: If SRC is not of the expected kind.
    """
    checkpoint = read_checkpoint(src)
    state, key = unwrap(checkpoint)
    meta = checkpoint.get('meta', {})
    if reverse and 'experts' in meta:
        raise InputError(f'{src}: is a slim checkpoint, without the frozen experts; put them back first with '
                         'tools/convert/slim_checkpoint.py CONFIG SRC DST --reverse')
    if drop_head and any(name.startswith('backbone.') for name in state):  # already in our names
        new_meta = {k: meta[k] for k in ('experts', 'release_key') if k in meta}
    else:
        new_meta, (system, table) = {'release_key': key}, recognise(state)
        try:
            state = rename(state, table, reverse)
        except InputError as error:
            raise InputError(f'{src}: as a checkpoint of {system}, {error}') from error
    if drop_head:
        state = {k: v for k, v in state.items() if not k.startswith('cls_head.')}
    with open(dst, 'wb') as file:
        if reverse:  # under the key of the release's file
            key = meta.get('release_key', 'model_state' if system == 'X-ViT' else 'module')
            torch.save({key: state} if key else state, file)
        else:
            torch.save({'meta': new_meta, 'state_dict': state}, file)
    return len(state)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('src', help='checkpoint to read')
    parser.add_argument('dst', help='checkpoint to write')
    parser.add_argument('--reverse', action='store_true', help='convert from this package to the release')
    parser.add_argument('--drop-head', action='store_true',
                        help='leave out the head, for fine-tuning with other classes with load_from')
    args = parser.parse_args()
    if args.reverse and args.drop_head:
        parser.error('--drop-head does not go with --reverse')
    count = convert(args.src, args.dst, args.reverse, args.drop_head)
    print(f'{args.dst}: {count} tensors')


if __name__ == '__main__':
    run_tool(main)
