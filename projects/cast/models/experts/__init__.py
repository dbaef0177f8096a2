from .base import Expert
from .clip import AIMExpert, CLIPExpert
from .timm_expert import TimmExpert
from .videomae import VideoMAEExpert

__all__ = ['AIMExpert', 'CLIPExpert', 'Expert', 'TimmExpert', 'VideoMAEExpert']
