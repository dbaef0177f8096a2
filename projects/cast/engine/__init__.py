from .bf16_optim_wrapper import BF16OptimWrapper
from .checkpoint_backend import AtomicBackend
from .ema import LearnableEMA
from .seed_hook import EpochSeedHook
from .slim_checkpoint import SlimCheckpointHook

__all__ = ['AtomicBackend', 'BF16OptimWrapper', 'EpochSeedHook', 'LearnableEMA', 'SlimCheckpointHook']
