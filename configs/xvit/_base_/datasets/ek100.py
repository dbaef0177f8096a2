# EPIC-KITCHENS-100: frames from 16 segments, with flip.
_base_ = ['transforms.py', '../../../cast/_base_/datasets/ek100.py']
from projects.cast.engine import derive

init, decode, shape, pack = (_base_.train_pipeline[i] for i in (0, 2, -2, -1))
centres = dict(_base_.sampler, test_mode=True)
locals().update(derive(
    _base_,
    train_pipeline=[
        init, _base_.sampler, decode, *_base_.jitter, _base_.flip, _base_.erase, shape, pack],
    val_pipeline=[init, centres, decode, *_base_.one_crop, shape, pack],
    test_pipeline=[init, centres, decode, *_base_.three_crops, shape, pack],
    train_dataloader=dict(batch_size=8),
    val_dataloader=dict(batch_size=8)))
