# The mini kitchens with the full-size recipe's RandAugment, random resized crops, mixup, label smoothing,
# drop path and layer decay, and 2 x 3 test views. It checks the parts within minutes; at this size, the plain
# config is more accurate. There is no accumulation, and no flip, because that would turn slide-left into
# slide-right.
_base_ = 'cast_mini_1xb32-u8-15e_mini-kitchens-rgb.py'
from projects.cast.engine import derive

locals().update(derive(
    _base_,
    train_pipeline=[
        *_base_.train_pipeline[:3], *_base_.augment,
        dict(type='Resize', scale=(64, 64), keep_ratio=False), *_base_.train_pipeline[-2:]
    ],
    test_pipeline=[
        *_base_.test_pipeline[:3],
        dict(type='Resize', scale=(85, 64), keep_ratio=False),  # wider than a crop, so that crops differ
        dict(type='EqualCrops', crop_size=64, num_crops=3), *_base_.test_pipeline[-2:]
    ],
    model=dict(
        backbone=dict(drop_path_rate=0.2),
        cls_head=dict(label_smooth_eps=0.1),
        data_preprocessor=dict(
            blending=dict(
                type='VerbNounBatchAugment',
                augments=dict(type='ReverseMixup', alpha=0.8),
                probs=0.9,
                num_classes=_base_.num_classes))),
    optim_wrapper=dict(paramwise_cfg=dict(layer_decay_rate=0.75))))
