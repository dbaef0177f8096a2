# Fine-tunes CAST on your own videos with one label each. docs/own_data.md explains it step by step;
# tools/data/folder_list.py writes the lists and a config that inherits from this one. Or copy this file:
#   python tools/train.py configs/cast/my_data.py
# `derive` sets each value at every place that reads it.
_base_ = 'cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ssv2-rgb.py'
from projects.cast.engine import derive

dataset = dict(type='SegmentListDataset')  # CSVs of videos or of segments of them

locals().update(derive(
    _base_,
    data_root='data/own/videos',
    ann_file_train='data/own/train.csv',  # columns: file (below data_root), start, stop, label (from 0)
    ann_file_val='data/own/val.csv',
    label_map='data/own/classes.txt',  # one class name per line, in the order of the labels
    num_classes=3,
    clip_len=16,
    decoder='decord',  # or 'pyav', for segments of long videos
    max_epochs=20,
    warmup_epochs=2,
    batch_size=6,  # clips per GPU; with several GPUs, use --auto-scale-lr
    accumulative_counts=1,
    checkpoints=dict(  # _base_/models/weights.py names their sources
        spatial='checkpoints/ViT-B-16.pt', temporal='checkpoints/videomae_vit-base-p16_ssv2-pre.pth'),
    load_from=None,  # or a CAST checkpoint without its head: tools/convert/release_checkpoint.py --drop-head
    # Any other key of a config may follow, with its differences from the base config.
    visualizer=dict(vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]),
    train_dataloader=dict(dataset=dataset),
    val_dataloader=dict(dataset=dataset),
    test_dataloader=dict(dataset=dataset),
    model=dict(data_preprocessor=dict(blending=None))))  # mixup needs larger batches
