"""MMAction2's ``tools/train.py`` with the same command line: ``python tools/train.py --help``."""
from _host import run_host_tool

from projects.cast.utils import run_tool

if __name__ == '__main__':
    run_tool(lambda: run_host_tool('train.py'))
