# As adamw_50e.py, but 70 epochs, and a total batch of 16 GPUs x 6 clips x 6 accumulated = 576.
_base_ = 'adamw_50e.py'

max_epochs = 70
train_cfg = dict(max_epochs=max_epochs)
optim_wrapper = dict(optimizer=dict(lr=1e-3 * 576 / 256), accumulative_counts=6)
param_scheduler = [
    dict(begin=0, end=5, **_base_.warmup),
    dict(begin=5, end=max_epochs, T_max=max_epochs - 5, **_base_.cosine)
]
