# ActivityNet 1.3: whole videos with one label each.
_base_ = '../../../cast/_base_/datasets/video.py'
from projects.cast.engine import with_sound

data_root = data_root_val = 'data/activitynet/videos'
ann_file_train = 'data/activitynet/train.txt'
ann_file_val = ann_file_test = 'data/activitynet/val.txt'
num_classes = 200
label_map = 'data/activitynet/classes.txt'

train_pipeline, val_pipeline, test_pipeline = with_sound(_base_, num_rows=1024)
videos = dict(num_classes=num_classes, data_prefix=dict(video=data_root))
train_dataloader = dict(dataset=dict(ann_file=ann_file_train, pipeline=train_pipeline, **videos))
val_dataloader = dict(dataset=dict(ann_file=ann_file_val, pipeline=val_pipeline, **videos))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, pipeline=test_pipeline, **videos))
