# Kinetics-400 as videos; data/README.md says where from.
_base_ = 'loaders.py'

dataset_type = 'VideoListDataset'
data_root = 'data/kinetics400/videos_train'
data_root_val = 'data/kinetics400/videos_val'
ann_file_train = 'data/kinetics400/kinetics400_train_list_videos.txt'
ann_file_val = 'data/kinetics400/kinetics400_val_list_videos.txt'
ann_file_test = ann_file_val
num_classes = 400
label_map = 'k400'

pack = dict(type='PackActionInputs', meta_keys=('img_shape', 'filename'))
train_pipeline = [
    dict(type='InitVideo'),
    dict(type='DenseClips', clip_len=16, frame_interval=4),
    dict(type='DecodeVideo'),
    # the paper says (9, 0.5): rand-m9-mstd0.5-inc1
    dict(type='ClipRandAugment', policy='rand-m7-n4-mstd0.5-inc1'),
    dict(type='RandomResizedCrop', area_range=(0.08, 1.0), aspect_ratio_range=(3 / 4, 4 / 3)),
    dict(type='Resize', scale=(224, 224), keep_ratio=False),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='FormatShape', input_format='NCTHW'), pack
]
val_pipeline = [
    dict(type='InitVideo'),
    dict(type='DenseClips', clip_len=16, frame_interval=4, test_mode=True),
    dict(type='DecodeVideo'),
    dict(type='Resize', scale=(-1, 224)),
    dict(type='EqualCrops', crop_size=224, num_crops=1),
    dict(type='FormatShape', input_format='NCTHW'), pack
]
test_pipeline = [  # 5 clips x 3 crops
    dict(type='InitVideo'),
    dict(type='DenseClips', clip_len=16, frame_interval=4, num_clips=5, test_mode=True),
    dict(type='DecodeVideo'),
    dict(type='Resize', scale=(-1, 224)),
    dict(type='EqualCrops', crop_size=224, num_crops=3),
    dict(type='FormatShape', input_format='NCTHW'), pack
]

train_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        ann_file=ann_file_train,
        num_classes=num_classes,
        data_prefix=dict(video=data_root),
        pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        ann_file=ann_file_val,
        num_classes=num_classes,
        data_prefix=dict(video=data_root_val),
        pipeline=val_pipeline))
test_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        ann_file=ann_file_test,
        num_classes=num_classes,
        data_prefix=dict(video=data_root_val),
        pipeline=test_pipeline))

val_evaluator = dict(type='AccuracyMetric')
test_evaluator = val_evaluator
