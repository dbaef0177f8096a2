# The mini kitchens with the full-size recipe's RandAugment, random resized crops, mixup, label smoothing,
# drop path, layer decay, and 2 x 3 views in testing. A check of the parts, in minutes; for accuracy at
# this size the plain config is better. No accumulation, and no flip: it would turn slide-left into
# slide-right.
_base_ = 'cast_mini_1xb32-u8-15e_mini-kitchens-rgb.py'

model = dict(
    backbone=dict(drop_path_rate=0.2),
    cls_head=dict(label_smooth_eps=0.1),
    data_preprocessor=dict(
        blending=dict(
            type='VerbNounBatchAugment',
            augments=dict(type='ReverseMixup', alpha=0.8),
            probs=0.9,
            num_classes=dict(verb=6, noun=6))))
train_pipeline = [
    dict(type='InitVideo'),
    dict(type='UniformClips', clip_len=8),
    dict(type='DecodeVideo'),
    dict(type='ClipRandAugment', policy='rand-m7-n4-mstd0.5-inc1'),
    dict(type='RandomResizedCrop', area_range=(0.08, 1.0), aspect_ratio_range=(3 / 4, 4 / 3)),
    dict(type='Resize', scale=(64, 64), keep_ratio=False),
    dict(type='FormatShape', input_format='NCTHW'), _base_.pack
]
test_pipeline = [
    dict(type='InitVideo'),
    dict(type='UniformClips', clip_len=8, num_clips=2, test_mode=True),
    dict(type='DecodeVideo'),
    dict(type='Resize', scale=(85, 64), keep_ratio=False),  # wider than a crop, so that crops differ
    dict(type='EqualCrops', crop_size=64, num_crops=3),
    dict(type='FormatShape', input_format='NCTHW'), _base_.pack
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.75))
