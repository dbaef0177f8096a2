from .guard import Guard
from .limits import KINDS, Limits, VideoRefused, is_local
from .preview import encode
from .probe import BoundedStream

__all__ = ['KINDS', 'BoundedStream', 'Guard', 'Limits', 'VideoRefused', 'encode', 'is_local']
