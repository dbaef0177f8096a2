"""Runs a tool that MMAction2 ships in its package, after working around known defects."""
import argparse
import runpy
import sys
from pathlib import Path

import torch.distributed as dist
from mmengine import DictAction

try:
    from projects.cast.engine import read_config
    from projects.cast.utils import InputError, MissingFileError
except ModuleNotFoundError as error:
    import projects
    if not projects.__file__:
        raise
    folder = Path(projects.__file__).parent
    sys.exit(f'error: {folder} hides projects.cast ({error}), having an __init__.py; remove that, or take '
             f'{folder.parent} off PYTHONPATH')


def read_options(values: list) -> dict:
    """Reads the values of ``--cfg-options``.

    Raises:
        InputError: If a value is not ``key=value``.
    """
    wrong = [value for value in values if '=' not in value]
    if wrong:
        raise InputError(f'--cfg-options {wrong[0]}: no value; give key=value')
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    return parser.parse_args(['--cfg-options', *values]).cfg_options if values else {}


def check_command_line(arguments: list) -> None:
    """Reads and checks the config that a command line names, including its options."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument('--cfg-options', nargs='+', default=[])
    options, rest = parser.parse_known_args(arguments)
    configs = [argument for argument in rest if argument.endswith('.py')]
    if configs:
        read_config(configs[0], read_options(options.cfg_options))


def run_host_tool(name: str) -> None:
    """Runs ``mmaction/.mim/tools/NAME`` with our command line.

    Raises:
        MissingFileError: If the installed MMAction2 has no such tool.
        InputError: If the config or its options are invalid.
    """
    import mmaction
    tools = Path(mmaction.__file__).parent / '.mim' / 'tools'
    if not (tools / name).is_file():
        raise MissingFileError(f'{tools / name}: no such tool in the installed MMAction2')
    check_command_line(sys.argv[1:])
    sys.argv[0] = str(tools / name)
    runpy.run_path(sys.argv[0], run_name='__main__')
    if dist.is_initialized():  # otherwise gloo's threads sometimes abort the interpreter at its end
        dist.barrier()
        dist.destroy_process_group()
