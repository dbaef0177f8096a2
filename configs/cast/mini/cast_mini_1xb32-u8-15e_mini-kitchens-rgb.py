# A CAST small enough to train from scratch on two CPU cores, on made-up kitchens of real video files:
#   python tools/data/mini_kitchens/generate.py
#   python tools/train.py configs/cast/mini/cast_mini_1xb32-u8-15e_mini-kitchens-rgb.py
# Experts learn too, as nothing is pre-trained at this size. Accuracies: README.md.
_base_ = [
    '../_base_/default_runtime.py', '../_base_/models/cast_vit-base-p16_verb-noun.py',
    '../_base_/datasets/ek100.py',
    '../_base_/schedules/adamw_50e.py'
]

expert = dict(
    img_size=64, patch_size=16, num_frames=8, embed_dims=64, depth=2, num_heads=4, frozen=False)
model = dict(
    backbone=dict(
        experts=dict(
            spatial=expert,
            temporal=dict(init_cfg=dict(type='Xavier', layer='Linear', distribution='uniform'), **expert)),
        exchanges=dict(b_cast=dict(bottleneck_dims=32, num_heads=4)),
        drop_path_rate=0.),
    cls_head=dict(num_classes=dict(verb=6, noun=6), in_channels=64, label_smooth_eps=0.))

data_root = data_root_val = 'data/mini_kitchens'
ann_file_train = 'data/mini_kitchens/EPIC_100_train.csv'
ann_file_val = ann_file_test = 'data/mini_kitchens/EPIC_100_validation.csv'
label_map = dict(
    verb='data/mini_kitchens/EPIC_100_verb_classes.csv',
    noun='data/mini_kitchens/EPIC_100_noun_classes.csv')
pack = _base_.pack
train_pipeline = [  # no flip: it would turn slide-left into slide-right
    dict(type='InitVideo'),
    dict(type='UniformClips', clip_len=8),
    dict(type='DecodeVideo'),
    dict(type='Resize', scale=(72, 72), keep_ratio=False),
    dict(type='RandomCrop', size=64),
    dict(type='FormatShape', input_format='NCTHW'), pack
]
val_pipeline = [
    dict(type='InitVideo'),
    dict(type='UniformClips', clip_len=8, test_mode=True),
    dict(type='DecodeVideo'),
    dict(type='Resize', scale=(72, 72), keep_ratio=False),
    dict(type='CenterCrop', crop_size=64),
    dict(type='FormatShape', input_format='NCTHW'), pack
]
test_pipeline = [  # 2 views
    dict(type='InitVideo'),
    dict(type='UniformClips', clip_len=8, num_clips=2, test_mode=True),
    dict(type='DecodeVideo'),
    dict(type='Resize', scale=(72, 72), keep_ratio=False),
    dict(type='CenterCrop', crop_size=64),
    dict(type='FormatShape', input_format='NCTHW'), pack
]
dataset = dict(
    num_classes=dict(verb=6, noun=6),
    video_template='{participant_id}/videos/{video_id}.mp4',
    data_prefix=dict(video=data_root))
train_dataloader = dict(
    batch_size=32,
    num_workers=1,
    dataset=dict(ann_file=ann_file_train, pipeline=train_pipeline, **dataset))
val_dataloader = dict(
    batch_size=32, num_workers=1, dataset=dict(ann_file=ann_file_val, pipeline=val_pipeline, **dataset))
test_dataloader = dict(
    batch_size=32, num_workers=1, dataset=dict(ann_file=ann_file_test, pipeline=test_pipeline, **dataset))

max_epochs = 15
train_cfg = dict(max_epochs=max_epochs, val_interval=5)
optim_wrapper = dict(
    optimizer=dict(lr=1.5e-3, betas=(0.9, 0.95)),
    paramwise_cfg=dict(layer_decay_rate=1.),  # nothing is pre-trained
    accumulative_counts=1)
param_scheduler = [
    dict(begin=0, end=2, **_base_.warmup),
    dict(begin=2, end=max_epochs, T_max=max_epochs - 2, **_base_.cosine)
]
val_evaluator = dict(unseen_participants=None, tail_verbs=None, tail_nouns=None)
test_evaluator = val_evaluator
auto_scale_lr = dict(base_batch_size=32)
default_hooks = dict(
    checkpoint=dict(interval=5, save_best='acc/action_top1', rule='greater'), logger=dict(interval=10))
