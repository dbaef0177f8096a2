from .base import Expert
from .clip import CLIPExpert
from .videomae import VideoMAEExpert

__all__ = ['CLIPExpert', 'Expert', 'VideoMAEExpert']
