# Kinetics-Sound: 31 classes of Kinetics-400.
_base_ = 'k400.py'

ann_file_train = 'data/kinetics_sound/train.txt'
ann_file_val = ann_file_test = 'data/kinetics_sound/val.txt'
num_classes = 31
label_map = 'kinetics_sound'

videos = dict(num_classes=num_classes)
train_dataloader = dict(dataset=dict(ann_file=ann_file_train, **videos))
val_dataloader = dict(dataset=dict(ann_file=ann_file_val, **videos))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, **videos))
