# UCF-101, read as Kinetics-400: split 1. For the other two, replace train1 and test1 in the lists' names.
_base_ = 'k400.py'

data_root = data_root_val = 'data/ucf101/videos'
ann_file_train = 'data/ucf101/train1.txt'
ann_file_val = ann_file_test = 'data/ucf101/test1.txt'
num_classes = 101
label_map = 'data/ucf101/classes.txt'

videos = dict(num_classes=num_classes, data_prefix=dict(video=data_root))
train_dataloader = dict(dataset=dict(ann_file=ann_file_train, **videos))
val_dataloader = dict(dataset=dict(ann_file=ann_file_val, **videos))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, **videos))
