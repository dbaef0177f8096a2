# Kinetics-400: 16 frames from a window of 16 x 16 frames at 30 frames a second, with flip, without erasing.
_base_ = ['transforms.py', '../../../cast/_base_/datasets/k400.py']
from projects.cast.engine import derive

init, decode, shape, pack = (_base_.train_pipeline[i] for i in (0, 2, -2, -1))
window = dict(_base_.sampler, strategy='window', frame_interval=16)
first = dict(window, test_mode=True)  # a single window starts at the beginning of the video
locals().update(derive(
    _base_,
    train_pipeline=[init, window, decode, *_base_.jitter, _base_.flip, shape, pack],
    val_pipeline=[init, first, decode, *_base_.one_crop, shape, pack],
    test_pipeline=[init, first, decode, *_base_.three_crops, shape, pack],
    train_dataloader=dict(batch_size=8),
    val_dataloader=dict(batch_size=8)))
