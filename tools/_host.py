"""Runs one of the tools that MMAction2 ships in its package, after putting right its known breaks."""
import runpy
import sys
from pathlib import Path

import torch.distributed as dist

import projects.cast  # noqa: F401  # mends the host before it is imported


def run_host_tool(name: str) -> None:
    """Runs ``mmaction/.mim/tools/NAME`` with our command line.

    Raises:
        FileNotFoundError: if MMAction2 is not installed as a package that has its tools.
    """
    import mmaction
    tool = Path(mmaction.__file__).parent / '.mim' / 'tools' / name
    if not tool.is_file():
        raise FileNotFoundError(f'{tool}: not there; install MMAction2 with pip or mim, which put it')
    sys.argv[0] = str(tool)
    runpy.run_path(str(tool), run_name='__main__')
    if dist.is_initialized():  # left to the interpreter's end, gloo's threads abort it now and then
        dist.barrier()
        dist.destroy_process_group()
