# The paper's schedule on EPIC-KITCHENS-100: 50 epochs, and lr = 0.05 x 64 / 128. It gives neither the start
# of the warm-up nor the weight decay; here, they are those of Something-Something-V2, 0.1 x lr and 1e-4.
_base_ = 'sgd_35e.py'

max_epochs = 50
train_cfg = dict(max_epochs=max_epochs)
optim_wrapper = dict(optimizer=dict(lr=0.05 * 64 / 128))
param_scheduler = [dict(_base_.schedule, end=max_epochs)]
