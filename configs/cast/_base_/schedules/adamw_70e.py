# As adamw_50e.py, but 70 epochs of 16 GPUs x 6 clips x 6 accumulated = 576.
_base_ = 'adamw_50e.py'

train_cfg = dict(max_epochs=70)
optim_wrapper = dict(optimizer=dict(lr=1e-3 * 576 / 256), accumulative_counts=6)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-6,
        by_epoch=True,
        begin=0,
        end=5,
        convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        T_max=65,
        eta_min=1e-6 * 576 / 256,
        by_epoch=True,
        begin=5,
        end=70,
        convert_to_iter_based=True)
]
