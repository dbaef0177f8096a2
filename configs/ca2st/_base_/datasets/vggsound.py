# VGGSound, read as Kinetics-400.
_base_ = 'k400.py'

data_root = data_root_val = 'data/vggsound/videos'
ann_file_train = 'data/vggsound/train.txt'
ann_file_val = ann_file_test = 'data/vggsound/test.txt'
num_classes = 309
label_map = 'data/vggsound/classes.txt'

videos = dict(num_classes=num_classes, data_prefix=dict(video=data_root))
train_dataloader = dict(dataset=dict(ann_file=ann_file_train, **videos))
val_dataloader = dict(dataset=dict(ann_file=ann_file_val, **videos))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, **videos))
