"""Errors that the user can mend: one line with the file, the numbers and the way out."""
import sys
from typing import Callable


class InputError(ValueError):
    """Something that was given cannot be used: a file, a number, a key of a config.

    The message is one line, and our tools print nothing else, see :func:`run_tool`. Any other exception is a
    fault of the program and keeps its traceback.
    """


class MissingFileError(InputError, FileNotFoundError):
    """A file is not where it was said to be."""


def run_tool(main: Callable[[], object]) -> None:
    """Runs the ``main`` of a command-line tool.

    An :class:`InputError`, or a file that the system refuses to open, ends it with one line on stderr and
    status 1.
    """
    try:
        main()
    except InputError as error:
        # a data worker's error arrives with its traceback in front and its class before the message
        line = str(error).strip().splitlines()[-1].removeprefix(
            f'{type(error).__module__}.{type(error).__qualname__}: ')
        sys.exit(f'error: {line}')
    except OSError as error:
        sys.exit(f'error: {error.filename}: {error.strerror}' if error.filename else f'error: {error}')
