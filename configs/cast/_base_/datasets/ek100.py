# EPIC-KITCHENS-100, untrimmed videos and the official annotations; data/README.md says where from.
_base_ = 'loaders.py'

# For trimmed clips give `ann_file_*` a list of narration_id,verb,noun and `data_root` their folder.
dataset_type = 'EpicKitchensDataset'
data_root = data_root_val = 'data/ek100'
ann_file_train = 'data/ek100/annotations/EPIC_100_train.csv'
ann_file_val = 'data/ek100/annotations/EPIC_100_validation.csv'
ann_file_test = ann_file_val
label_map = dict(verb='ek100_verb', noun='ek100_noun')

pack = dict(
    type='PackActionInputs', meta_keys=('img_shape', 'filename', 'narration_id'),
    algorithm_keys=('gt_label', ))
train_pipeline = [
    dict(type='InitVideo'),
    dict(type='UniformClips', clip_len=16),
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
    dict(type='UniformClips', clip_len=16, test_mode=True),
    dict(type='DecodeVideo'),
    dict(type='Resize', scale=(-1, 224)),
    dict(type='EqualCrops', crop_size=224, num_crops=1),
    dict(type='FormatShape', input_format='NCTHW'), pack
]
test_pipeline = [  # 2 clips x 3 crops
    dict(type='InitVideo'),
    dict(type='UniformClips', clip_len=16, num_clips=2, test_mode=True),
    dict(type='DecodeVideo'),
    dict(type='Resize', scale=(-1, 224)),
    dict(type='EqualCrops', crop_size=224, num_crops=3),
    dict(type='FormatShape', input_format='NCTHW'), pack
]

train_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        ann_file=ann_file_train,
        data_prefix=dict(video=data_root),
        pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        ann_file=ann_file_val,
        data_prefix=dict(video=data_root_val),
        pipeline=val_pipeline))
test_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        ann_file=ann_file_test,
        data_prefix=dict(video=data_root_val),
        pipeline=test_pipeline))

val_evaluator = dict(
    type='VerbNounMetric',
    unseen_participants='data/ek100/annotations/EPIC_100_unseen_participant_ids_validation.csv',
    tail_verbs='data/ek100/annotations/EPIC_100_tail_verbs.csv',
    tail_nouns='data/ek100/annotations/EPIC_100_tail_nouns.csv')
test_evaluator = val_evaluator
