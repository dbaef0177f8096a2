# Kinetics-400 as videos; data/README.md names the sources.
_base_ = 'video.py'

data_root = 'data/kinetics400/videos_train'
data_root_val = 'data/kinetics400/videos_val'
ann_file_train = 'data/kinetics400/kinetics400_train_list_videos.txt'
ann_file_val = ann_file_test = 'data/kinetics400/kinetics400_val_list_videos.txt'
num_classes = 400
label_map = 'k400'

dense = dict(type='DenseClips', frame_interval=4)  # a window of 64 frames instead of the whole video
train_pipeline, val_pipeline, test_pipeline = (
    [dict(transform, **dense) if transform.type == 'UniformClips' else transform for transform in pipeline]
    for pipeline in (_base_.train_pipeline, _base_.val_pipeline, _base_.test_pipeline))
test_pipeline[1].update(num_clips=5)

train_dataloader = dict(
    dataset=dict(
        ann_file=ann_file_train,
        num_classes=num_classes,
        data_prefix=dict(video=data_root),
        pipeline=train_pipeline))
videos_val = dict(num_classes=num_classes, data_prefix=dict(video=data_root_val))
val_dataloader = dict(dataset=dict(ann_file=ann_file_val, pipeline=val_pipeline, **videos_val))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, pipeline=test_pipeline, **videos_val))
