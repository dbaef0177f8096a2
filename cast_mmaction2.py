"""CAST under a name that nothing hides: ``import cast_mmaction2`` and ``python -m cast_mmaction2 TOOL ...``.

The package itself is ``projects.cast``. If another folder called ``projects`` comes first on Python's path
and has an ``__init__.py``, ``import projects.cast`` finds nothing there. This module lets the two share the
name.
"""
import runpy
import sys
from importlib import import_module
from pathlib import Path

import projects

HERE = Path(__file__).resolve().parent / 'projects'


def package() -> Path:
    """Imports ``projects.cast`` and returns its folder.

    Raises:
        ImportError: If something else has this name.
    """
    if hasattr(projects, '__path__') and str(HERE) not in [*projects.__path__]:
        projects.__path__.append(str(HERE))
    folder = Path(import_module('projects.cast').__file__ or '').resolve().parent
    if folder != HERE / 'cast':
        raise ImportError(f'{folder} hides CAST, which is also called projects.cast; rename that folder, or '
                          "take it off Python's path")
    return folder


package()
from projects.cast import Loaded, __version__, load  # noqa: E402
from projects.cast.hub import index, shipped  # noqa: E402

__all__ = ['Loaded', '__version__', 'load']


def main() -> None:
    """Runs a tool. Names of configs among its arguments stand for their files."""
    tools = shipped() / 'tools'
    scripts = {str(path.relative_to(tools).with_suffix('')): path for path in sorted(tools.rglob('*.py'))
               if path.name[0] != '_' and "__name__ == '__main__'" in path.read_text(encoding='utf-8')}
    name = sys.argv[1].removesuffix('.py') if len(sys.argv) > 1 else ''
    if name not in scripts:
        sys.exit(f'usage: python -m cast_mmaction2 TOOL ...\nThe tools are {", ".join(scripts)}')
    arguments = [index()[word]['Config'] if word in index() else word for word in sys.argv[2:]]
    sys.argv = [str(scripts[name]), *arguments]
    sys.path[0] = str(scripts[name].parent)  # as if Python had started it
    runpy.run_path(sys.argv[0], run_name='__main__')


if __name__ == '__main__':
    main()
