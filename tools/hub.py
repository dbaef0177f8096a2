"""Publishes models, fetches published ones, and lists the names of the configs.

    python tools/hub.py push CONFIG CHECKPOINT DEST [--licence ...] [--metric action_top1=49.3 --dataset ...]
    python tools/hub.py pull hf:USER/REPOSITORY FOLDER
    python tools/hub.py list [WORD]

DEST is a new folder, or hf:USER/REPOSITORY on the Hugging Face Hub. docs/hub.md has the format.
"""
import argparse

from projects.cast.hub import index, pull, push
from projects.cast.utils import InputError, run_tool


def read_metrics(values: list) -> dict:
    """Reads ``NAME=NUMBER``."""
    try:
        return {name: float(number) for name, number in (value.split('=') for value in values)}
    except ValueError as error:
        raise InputError(f'--metric {" ".join(values)}: must be NAME=NUMBER') from error


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    commands = parser.add_subparsers(dest='command', required=True)
    one = commands.add_parser('push', help='publish a model')
    one.add_argument('config', help='name of a config, or a config file')
    one.add_argument('checkpoint')
    one.add_argument('dest', help='a new folder, or hf:USER/REPOSITORY')
    one.add_argument('--licence', '--license', help='needed, unless the weights were converted from the '
                     "release of CAST's authors")
    one.add_argument('--label-map', nargs='+', metavar='NAME', help='class names instead of the config\'s')
    one.add_argument('--metric', nargs='+', default=[], metavar='NAME=NUMBER', help='for the model card')
    one.add_argument('--dataset', default='', help='what the metrics were measured on')
    one.add_argument('--without-experts', action='store_true',
                     help='leave the frozen experts out: a fifth of the size, but their files are needed')
    one.add_argument('--private', action='store_true', help='of a repository that is created')
    one = commands.add_parser('pull', help='fetch a published model into a folder')
    one.add_argument('name', help='hf:USER/REPOSITORY[@REVISION], a folder, or the name of a config')
    one.add_argument('folder', help='a new folder')
    one = commands.add_parser('list', help='list the names of the configs')
    one.add_argument('word', nargs='?', default='', help='only those that contain it')
    args = parser.parse_args()
    if args.command == 'push':
        sizes = push(args.config, args.checkpoint, args.dest, args.licence, args.label_map,
                     read_metrics(args.metric), args.dataset, not args.without_experts, args.private)
        print(f'{args.dest}: {sum(sizes.values()) / 1e6:.1f} MB in {", ".join(sizes)}')
    elif args.command == 'pull':
        pull(args.name, args.folder)
        print(f'{args.folder}: written')
    else:
        print('\n'.join(name for name in index() if args.word in name))


if __name__ == '__main__':
    run_tool(main)
