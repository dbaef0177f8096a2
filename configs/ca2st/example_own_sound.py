# Fine-tunes CA2ST on your own videos with sound and one label each; docs/sound_files.md explains it.
# tools/data/folder_list.py --sound writes the lists and a config that inherits from this one. Or copy it:
#   python tools/train.py configs/ca2st/my_sound.py
# `derive` sets each value at every place that reads it.
_base_ = 'ca2st_vit-base-p16_clip-videomae-ast_16xb6-16x4x2-50e_vggsound-rgb-audio.py'
from projects.cast.engine import derive

dataset = dict(type='SegmentListDataset')  # CSVs of videos or of segments of them

locals().update(derive(
    _base_,
    data_root='data/own/videos',
    ann_file_train='data/own/train.csv',  # columns: file (below data_root), start, stop, label (from 0)
    ann_file_val='data/own/val.csv',
    label_map='data/own/classes.txt',  # one class name per line, in the order of the labels
    num_classes=3,
    max_epochs=20,
    warmup_epochs=2,
    batch_size=6,  # clips per GPU; with several GPUs, use --auto-scale-lr
    accumulative_counts=1,
    checkpoints=dict(  # not read for experts that are in `load_from`
        spatial='checkpoints/ViT-B-16.pt', temporal='checkpoints/videomae_vit-base-p16_k400-pre.pth',
        audio='checkpoints/audioset_10_10_0.4593.pth'),
    # or a checkpoint of CAST, CAVA or CA2ST without its head: tools/convert/release_checkpoint.py --drop-head
    load_from=None,
    train_dataloader=dict(dataset=dataset),
    val_dataloader=dict(dataset=dataset),
    test_dataloader=dict(dataset=dataset),
    model=dict(data_preprocessor=dict(blending=None))))  # mixup needs larger batches
