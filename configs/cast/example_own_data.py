# Fine-tunes CAST on your own videos with one label each. Copy this file, edit it, and train:
#   python tools/train.py configs/cast/my_data.py
# `derive` sets each value at every place that reads it; docs/own_data.md explains it step by step.
_base_ = 'cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ssv2-rgb.py'
from projects.cast.engine import derive

locals().update(derive(
    _base_,
    data_root='data/own/videos',
    ann_file_train='data/own/train.txt',  # lines: FILE LABEL (file below data_root, label from 0)
    ann_file_val='data/own/val.txt',
    label_map='data/own/classes.txt',  # one class name per line, in the order of the labels
    num_classes=3,
    clip_len=16,
    max_epochs=20,
    warmup_epochs=2,
    batch_size=6,  # clips per GPU; with several GPUs, use --auto-scale-lr
    accumulative_counts=1,
    checkpoints=dict(  # _base_/models/weights.py names their sources
        spatial='checkpoints/ViT-B-16.pt', temporal='checkpoints/videomae_vit-base-p16_ssv2-pre.pth'),
    load_from=None,  # or a CAST checkpoint without its head: tools/convert/release_checkpoint.py --drop-head
    # Any other key of a config may follow, with its differences from the base config.
    model=dict(data_preprocessor=dict(blending=None))))  # mixup needs larger batches
