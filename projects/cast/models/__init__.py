from .adapter import Adapter
from .baselines import AdapterOnly, Lateral, PlainCrossAttention
from .blending import ReverseMixup, VerbNounBatchAugment
from .exchange import BCAST, CrossAttention
from .experts import AIMExpert, CLIPExpert, Expert, TimmExpert, VideoMAEExpert
from .heads import EnsembleVerbNounHead, FusedHead, VerbNounHead
from .recognizer import CASTRecognizer
from .tokens import WINDOWS, Tokens
from .two_expert_vit import TwoExpertViT

__all__ = [
    'AIMExpert', 'Adapter', 'AdapterOnly', 'BCAST', 'CASTRecognizer', 'CLIPExpert', 'CrossAttention',
    'EnsembleVerbNounHead', 'Expert', 'FusedHead', 'Lateral', 'PlainCrossAttention', 'ReverseMixup',
    'TimmExpert', 'Tokens', 'TwoExpertViT', 'VerbNounBatchAugment', 'VerbNounHead', 'VideoMAEExpert',
    'WINDOWS'
]
