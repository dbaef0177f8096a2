from .adapter import Adapter
from .blending import ReverseMixup, VerbNounBatchAugment
from .exchange import BCAST, CrossAttention
from .experts import CLIPExpert, Expert, VideoMAEExpert
from .heads import FusedHead, VerbNounHead
from .recognizer import CASTRecognizer
from .tokens import WINDOWS, Tokens
from .two_expert_vit import TwoExpertViT

__all__ = [
    'BCAST', 'WINDOWS', 'Adapter', 'CASTRecognizer', 'CLIPExpert', 'CrossAttention', 'Expert',
    'FusedHead', 'ReverseMixup', 'Tokens', 'TwoExpertViT', 'VerbNounBatchAugment', 'VerbNounHead',
    'VideoMAEExpert'
]
