from .bf16 import BF16OptimWrapper, BF16TestHook
from .checkpoint_backend import AtomicBackend
from .ema import LearnableEMA
from .layer_decay import LayerDecayOptimWrapperConstructor
from .seed_hook import EpochSeedHook
from .slim_checkpoint import SlimCheckpointHook

__all__ = ['AtomicBackend', 'BF16OptimWrapper', 'BF16TestHook', 'EpochSeedHook',
           'LayerDecayOptimWrapperConstructor', 'LearnableEMA', 'SlimCheckpointHook']
