# Kinetics-600 as videos, read as Kinetics-400.
_base_ = 'k400.py'

data_root = 'data/kinetics600/videos_train'
data_root_val = 'data/kinetics600/videos_val'
ann_file_train = 'data/kinetics600/kinetics600_train_list_videos.txt'
ann_file_val = ann_file_test = 'data/kinetics600/kinetics600_val_list_videos.txt'
num_classes = 600
label_map = None  # or a file with one class name per line, in the order of the labels

videos = dict(num_classes=num_classes, data_prefix=dict(video=data_root))
videos_val = dict(num_classes=num_classes, data_prefix=dict(video=data_root_val))
train_dataloader = dict(dataset=dict(ann_file=ann_file_train, **videos))
val_dataloader = dict(dataset=dict(ann_file=ann_file_val, **videos_val))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, **videos_val))
