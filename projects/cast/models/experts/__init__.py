from .aim import AIMExpert
from .ast import ASTExpert
from .base import BlockParts, Expert
from .clip import CLIPExpert
from .pretrained import PretrainedTower
from .timm import TimmExpert
from .video import VideoExpert
from .videomae import VideoMAEExpert
from .xvit import XViTExpert

__all__ = ['AIMExpert', 'ASTExpert', 'BlockParts', 'CLIPExpert', 'Expert', 'PretrainedTower', 'TimmExpert',
           'VideoExpert', 'VideoMAEExpert', 'XViTExpert']
