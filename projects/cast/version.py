"""The version of the package, as setup.py has it."""
__version__ = '0.2.0'
