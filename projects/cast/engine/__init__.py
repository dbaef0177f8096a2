from .bf16 import BF16OptimWrapper, BF16TestHook
from .checkpoint_backend import AtomicBackend
from .config_check import check_config, read_config
from .derive import derive
from .ema import LearnableEMA
from .layer_decay import LayerDecayOptimWrapperConstructor
from .runner import CASTRunner
from .seed_hook import EpochSeedHook
from .slim_checkpoint import SlimCheckpointHook
from .warmup_cosine import WarmupCosineLR
from .with_sound import with_sound

__all__ = ['AtomicBackend', 'BF16OptimWrapper', 'BF16TestHook', 'CASTRunner', 'EpochSeedHook',
           'LayerDecayOptimWrapperConstructor', 'LearnableEMA', 'SlimCheckpointHook', 'WarmupCosineLR',
           'check_config', 'derive', 'read_config', 'with_sound']
