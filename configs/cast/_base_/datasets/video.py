# Videos with one label each: sampling and augmentation. The other files in this folder contain only
# what differs for a data set.
_base_ = 'loaders.py'

dataset_type = 'VideoListDataset'

sample = dict(type='UniformClips', clip_len=16)
augment = [
    # the paper gives (9, 0.5): rand-m9-mstd0.5-inc1
    dict(type='ClipRandAugment', policy='rand-m7-n4-mstd0.5-inc1'),
    dict(type='RandomResizedCrop', area_range=(0.08, 1.0), aspect_ratio_range=(3 / 4, 4 / 3))
]
pack = dict(type='PackActionInputs', meta_keys=('img_shape', 'filename'))
train_pipeline = [
    dict(type='InitVideo', decoder='decord'),
    sample,
    dict(type='DecodeVideo'), *augment,
    dict(type='Resize', scale=(224, 224), keep_ratio=False),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='FormatShape', input_format='NCTHW'), pack
]
val_pipeline = [
    dict(type='InitVideo', decoder='decord'),
    dict(sample, test_mode=True),
    dict(type='DecodeVideo'),
    dict(type='Resize', scale=(-1, 224)),
    dict(type='EqualCrops', crop_size=224, num_crops=1),
    dict(type='FormatShape', input_format='NCTHW'), pack
]
more_views = dict(UniformClips=dict(num_clips=2), EqualCrops=dict(num_crops=3))
test_pipeline = [dict(transform, **more_views.get(transform['type'], {})) for transform in val_pipeline]

videos = dict(type=dataset_type)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline, **videos))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline, **videos))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline, **videos))

val_evaluator = test_evaluator = dict(type='AccuracyMetric')
