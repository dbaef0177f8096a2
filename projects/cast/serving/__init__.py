from .guard import INSTALL, Guard
from .limits import KINDS, Limits, VideoRefused, is_local
from .messages import Stopped
from .preview import encode

__all__ = ['INSTALL', 'KINDS', 'Guard', 'Limits', 'Stopped', 'VideoRefused', 'encode', 'is_local']
