# AdamW at 1e-3 x (total batch / 256), 5 epochs of linear warm-up, then cosine to 1e-6 x (batch / 256).
# The total batch is 16 GPUs x 6 clips x 4 accumulated = 384. `--auto-scale-lr` counts GPUs x clips.
# Layer-wise decay (0.75) is not in here yet.
max_epochs = 50
warmup_epochs = 5
lr = 1e-3 * 384 / 256

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_begin=1, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=lr, betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0., bias_decay_mult=0., custom_keys=dict(_pos=dict(decay_mult=0.))),
    accumulative_counts=4)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-6,
        by_epoch=True,
        begin=0,
        end=warmup_epochs,
        convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs - warmup_epochs,
        eta_min=1e-6 * 384 / 256,
        by_epoch=True,
        begin=warmup_epochs,
        end=max_epochs,
        convert_to_iter_based=True)
]
auto_scale_lr = dict(enable=False, base_batch_size=96)
