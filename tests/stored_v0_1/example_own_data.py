# Fine-tunes CAST on videos of your own with one label each. Copy this file and edit its first block; the
# second one hands each value to every place that reads it. docs/own_data.md explains both, step by step.
#   python tools/train.py configs/cast/example_own_data.py
_base_ = 'cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ssv2-rgb.py'

data_root = 'data/own/videos'
ann_file_train = 'data/own/train.txt'  # lines: FILE LABEL, the file below data_root, the label from 0
ann_file_val = 'data/own/val.txt'
label_map = 'data/own/classes.txt'  # one class name per line, in the order of the labels
num_classes = 3
max_epochs = 20
batch_size = 6  # clips per GPU
clip_checkpoint = 'checkpoints/ViT-B-16.pt'  # where from: see the header of the base config
videomae_checkpoint = 'checkpoints/videomae_vit-base-p16_ssv2-pre.pth'
load_from = None  # or a CAST checkpoint without its head: tools/convert/release_checkpoint.py --drop-head

model = dict(
    backbone=dict(
        experts=dict(
            spatial=dict(checkpoint=clip_checkpoint), temporal=dict(checkpoint=videomae_checkpoint))),
    cls_head=dict(num_classes=num_classes),
    data_preprocessor=dict(blending=None))  # mixup needs larger batches
train_dataset = dict(
    ann_file=ann_file_train, data_prefix=dict(video=data_root), num_classes=num_classes)
val_dataset = dict(ann_file=ann_file_val, data_prefix=dict(video=data_root), num_classes=num_classes)
train_dataloader = dict(batch_size=batch_size, dataset=train_dataset)
val_dataloader = dict(batch_size=batch_size, dataset=val_dataset)
test_dataloader = dict(dataset=val_dataset)

train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    dict(begin=0, end=2, **_base_.warmup),
    dict(begin=2, end=max_epochs, T_max=max_epochs - 2, **_base_.cosine)
]
optim_wrapper = dict(optimizer=dict(lr=1e-3 * batch_size / 256), accumulative_counts=1)
auto_scale_lr = dict(base_batch_size=batch_size)  # with several GPUs: --auto-scale-lr
