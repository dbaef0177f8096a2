# The release's schedule (paper, table 4). lr = 1e-3 x total batch / 256, where the total batch is
#   GPUs x clips x accumulative_counts = 16 x 6 x 4 = 384.
# For other numbers of GPUs, keep the total with accumulative_counts (8: optim_wrapper.accumulative_counts=8),
# or pass --auto-scale-lr, which scales lr by GPUs x clips / 96, including its end value and all layers.
# lr rises linearly from 0 over 5 epochs, and a cosine then lowers it to 1e-6 x total batch / 256.
max_epochs = 50
warmup_epochs = 5

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_begin=1, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='OptimWrapper',  # bfloat16: BF16OptimWrapper; float16: --amp
    optimizer=dict(type='AdamW', lr=1e-3 * 384 / 256, betas=(0.9, 0.999), weight_decay=0.05),
    constructor='LayerDecayOptimWrapperConstructor',  # skips frozen weights; position tables are not decayed
    paramwise_cfg=dict(
        layer_decay_rate=0.75,  # the paper's text gives 0.8
        norm_decay_mult=0.,
        bias_decay_mult=0.,
        flat_decay_mult=0.),
    accumulative_counts=4)
warmup = dict(  # 0 is not allowed
    type='LinearLR', start_factor=1e-10, by_epoch=True, convert_to_iter_based=True)
cosine = dict(type='CosineAnnealingLR', eta_min_ratio=1e-3, by_epoch=True, convert_to_iter_based=True)
param_scheduler = [
    dict(begin=0, end=warmup_epochs, **warmup),
    dict(begin=warmup_epochs, end=max_epochs, T_max=max_epochs - warmup_epochs, **cosine)
]
auto_scale_lr = dict(enable=False, base_batch_size=96)
