from .aim import AIMExpert
from .base import BlockParts, Expert
from .clip import CLIPExpert
from .pretrained import PretrainedTower
from .timm import TimmExpert
from .video import VideoExpert
from .videomae import VideoMAEExpert

__all__ = ['AIMExpert', 'CLIPExpert', 'BlockParts', 'Expert', 'PretrainedTower', 'TimmExpert', 'VideoExpert',
           'VideoMAEExpert']
