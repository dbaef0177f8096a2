"""Converts a released CAST checkpoint (EK100, SSV2 or K400) into one for this package, and back.

    python tools/convert/release_checkpoint.py SRC DST [--reverse]

Tensors are renamed, never changed; both ways together give the same file contents bit for bit.
"""
import argparse

import torch

from projects.cast.checkpoints import RELEASE, read_file, rename, unwrap


def convert(src: str, dst: str, reverse: bool = False, drop_head: bool = False) -> int:
    """Writes DST; returns the number of tensors.

    Args:
        src: file to read.
        dst: file to write.
        reverse: from our names to the release's.
        drop_head: leave the classification head out, to fine-tune with other classes.
    """
    checkpoint = read_file(src)
    state, key = unwrap(checkpoint)
    try:
        state = rename(state, RELEASE, reverse)
    except ValueError as error:
        raise SystemExit(f'{src}: {error}') from error
    if drop_head:
        state = {k: v for k, v in state.items() if not k.startswith('cls_head.')}
    if reverse:  # under the key the release's file had it
        key = checkpoint.get('meta', {}).get('release_key', 'module')
        torch.save({key: state} if key else state, dst)
    else:
        torch.save({'meta': {'release_key': key}, 'state_dict': state}, dst)
    return len(state)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('src', help='checkpoint to read')
    parser.add_argument('dst', help='checkpoint to write')
    parser.add_argument('--reverse', action='store_true', help='from this package to the release')
    parser.add_argument('--drop-head', action='store_true',
                        help='leave out the head, to fine-tune with other classes through load_from')
    args = parser.parse_args()
    if args.reverse and args.drop_head:
        parser.error('--drop-head does not go with --reverse')
    count = convert(args.src, args.dst, args.reverse, args.drop_head)
    print(f'{args.dst}: {count} tensors')


if __name__ == '__main__':
    main()
