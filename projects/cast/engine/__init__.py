from .bf16 import BF16OptimWrapper, BF16TestHook
from .checkpoint_backend import AtomicBackend, write_whole
from .config_check import check_config, read_config
from .config_keys import meant
from .derive import derive
from .ema import LearnableEMA
from .expert_configs import expert_configs
from .layer_decay import LayerDecayOptimWrapperConstructor
from .runner import CASTRunner
from .seed_hook import EpochSeedHook
from .shared_config import CONFIG_FILE, read_shared_config, share_config
from .slim_checkpoint import SlimCheckpointHook
from .untrusted_config import Budget
from .warmup_cosine import WarmupCosineLR
from .with_sound import with_sound

__all__ = [
    'AtomicBackend', 'BF16OptimWrapper', 'BF16TestHook', 'Budget', 'CASTRunner', 'CONFIG_FILE',
    'EpochSeedHook', 'LayerDecayOptimWrapperConstructor', 'LearnableEMA', 'SlimCheckpointHook',
    'WarmupCosineLR', 'check_config', 'derive', 'expert_configs', 'meant', 'read_config',
    'read_shared_config', 'share_config', 'with_sound', 'write_whole'
]
