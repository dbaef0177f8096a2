# The release's schedule on Kinetics: 30 epochs, a warm-up from 0.01, and less weight decay.
_base_ = 'sgd_35e.py'

max_epochs = 30
train_cfg = dict(max_epochs=max_epochs)
optim_wrapper = dict(optimizer=dict(weight_decay=1e-5))
param_scheduler = [dict(_base_.schedule, end=max_epochs, start_factor=1 / 3)]
