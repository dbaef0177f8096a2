_base_ = 'mmaction::_base_/default_runtime.py'

runner_type = 'CASTRunner'  # checks the config first, and logs a concise start
custom_imports = dict(imports=['projects.cast'], allow_failed_imports=False)

default_hooks = dict(
    checkpoint=dict(max_keep_ckpts=3, backend_args=dict(backend='atomic')),
    sampler_seed=dict(type='EpochSeedHook'))

# device_ids=None lets the same config run on GPUs (nccl) and on CPU processes (gloo)
model_wrapper_cfg = dict(type='MMDistributedDataParallel', device_ids=None, broadcast_buffers=False)
