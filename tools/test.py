"""MMAction2's ``tools/test.py`` with the same command line: ``python tools/test.py --help``."""
from _host import run_host_tool

from projects.cast.utils import run_tool

if __name__ == '__main__':
    run_tool(lambda: run_host_tool('test.py'))
