"""Errors that the user can fix: one line with the file, the numbers and the way out."""
import sys
from typing import Callable


class InputError(ValueError):
    """A given file, number or config key cannot be used.

    The message is one line, and it is all that our tools print; see :func:`run_tool`. Any other exception is
    an error in the program and keeps its traceback.
    """


class MissingFileError(InputError, FileNotFoundError):
    """A file is missing at the given path."""


def run_tool(main: Callable[[], object]) -> None:
    """Runs the ``main`` of a command-line tool.

    An :class:`InputError`, or a file that the system cannot open, ends it with one line on stderr and
    status 1.
    """
    try:
        main()
    except InputError as error:
        # the error of a data worker arrives with its traceback and its class before the message
        line = str(error).strip().splitlines()[-1].removeprefix(
            f'{type(error).__module__}.{type(error).__qualname__}: ')
        sys.exit(f'error: {line}')
    except OSError as error:
        sys.exit(f'error: {error.filename}: {error.strerror}' if error.filename else f'error: {error}')
