"""CAST (Cross-Attention in Space and Time) as an MMAction2 plugin.

Importing this package registers its modules with MMAction2's registries, which is what
``custom_imports = dict(imports=['projects.cast'])`` does in every config.
"""
from . import compat  # noqa: F401  isort: skip  must come before anything of mmaction

from . import apis, datasets, engine, evaluation, hub, models  # noqa: F401
from .hub import Loaded, load
from .version import __version__

__all__ = ['Loaded', '__version__', 'load']
