# Something-Something-V2 as videos; data/README.md names the sources.
_base_ = 'video.py'

data_root = data_root_val = 'data/ssv2/videos'
ann_file_train = 'data/ssv2/train.csv'
ann_file_val = ann_file_test = 'data/ssv2/val.csv'
num_classes = 174
label_map = 'ssv2'

# no flip: many labels contain left or right
train_pipeline = [transform for transform in _base_.train_pipeline if transform.type != 'Flip']

videos = dict(num_classes=num_classes, data_prefix=dict(video=data_root))
train_dataloader = dict(dataset=dict(ann_file=ann_file_train, pipeline=train_pipeline, **videos))
val_dataloader = dict(dataset=dict(ann_file=ann_file_val, **videos))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, **videos))
