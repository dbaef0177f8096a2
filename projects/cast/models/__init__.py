from .attention_weights import (
    AttentionWeights,
    between_frames,
    exchange_blocks,
    received,
    record_attention,
)
from .blending import MultiTaskBatchAugment, ReverseMixup
from .data_preprocessor import CASTDataPreprocessor
from .exchanges import BCAST, AdapterOnly, CrossAttention, Exchange, FullWidthCrossAttention, Lateral
from .experts import (
    AIMExpert,
    ASTExpert,
    BlockParts,
    CLIPExpert,
    Expert,
    TimmExpert,
    VideoExpert,
    VideoMAEExpert,
    XViTExpert,
)
from .heads import (
    AdaptedSum,
    AdaptedTaskHead,
    EnsembleHead,
    FusedHead,
    MultiTaskHead,
    XViTHead,
    XViTTaskHead,
)
from .layers import WINDOWS, Adapter, PositionTable, Tokens, set_plain, zero_init
from .multi_expert_vit import MultiExpertViT
from .recognizer import CASTRecognizer
from .timed import TimedBCAST, TimedExpertViT, TimeEncoding

# names of the first release
EnsembleVerbNounHead, VerbNounHead, PlainCrossAttention = EnsembleHead, MultiTaskHead, FullWidthCrossAttention
TwoExpertViT, VerbNounBatchAugment = MultiExpertViT, MultiTaskBatchAugment

__all__ = [
    'AIMExpert', 'ASTExpert', 'AdaptedSum', 'AdaptedTaskHead', 'Adapter', 'AdapterOnly',
    'AttentionWeights', 'BCAST', 'BlockParts', 'CASTDataPreprocessor', 'CASTRecognizer', 'CLIPExpert',
    'CrossAttention', 'EnsembleHead', 'EnsembleVerbNounHead', 'Exchange', 'Expert',
    'FullWidthCrossAttention', 'FusedHead', 'Lateral', 'MultiExpertViT', 'MultiTaskBatchAugment',
    'MultiTaskHead', 'PlainCrossAttention', 'PositionTable', 'ReverseMixup', 'TimeEncoding',
    'TimedBCAST', 'TimedExpertViT', 'TimmExpert', 'Tokens', 'TwoExpertViT', 'VerbNounBatchAugment',
    'VerbNounHead', 'VideoExpert', 'VideoMAEExpert', 'WINDOWS', 'XViTExpert', 'XViTHead',
    'XViTTaskHead', 'between_frames', 'exchange_blocks', 'received', 'record_attention', 'set_plain',
    'zero_init'
]
