"""Runs any other tool of MMAction2, which cannot be started directly from PyPI's package.

    python tools/host.py analysis_tools/confusion_matrix.py CONFIG CHECKPOINT --show-path matrix.png

Tools that support only one label can use a verb and noun model with `--cfg-options model.test_cfg.task=verb`.
"""
import sys

from _host import run_host_tool

from projects.cast.utils import run_tool


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] in ('-h', '--help'):
        sys.exit(__doc__)
    run_host_tool(sys.argv.pop(1))


if __name__ == '__main__':
    run_tool(main)
