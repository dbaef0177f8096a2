"""Libraries that only some features need."""
from importlib import import_module
from types import ModuleType

from .errors import InputError


def library(name: str, feature: str, install: str) -> ModuleType:
    """Imports a library that is not installed by default.

    Args:
        name: Its name, or that of one of its modules.
        feature: What needs it, for the message.
        install: How to install it.

    Raises:
        InputError: If it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise InputError(f'{feature} needs {name.partition(".")[0]}; run: {install}') from error
