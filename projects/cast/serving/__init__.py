from .guard import Guard
from .limits import KINDS, Limits, VideoRefused
from .preview import encode
from .probe import BoundedStream

__all__ = ['KINDS', 'BoundedStream', 'Guard', 'Limits', 'VideoRefused', 'encode']
