# Fine-tunes CA2ST on your own videos with sound and one label each. Copy this file, edit it, and train:
#   python tools/train.py configs/ca2st/my_sound.py
# `derive` sets each value at every place that reads it; docs/sound_files.md explains it.
_base_ = 'ca2st_vit-base-p16_clip-videomae-ast_16xb6-16x4x2-50e_vggsound-rgb-audio.py'
from projects.cast.engine import derive

locals().update(derive(
    _base_,
    data_root='data/own/videos',
    ann_file_train='data/own/train.txt',  # lines: FILE LABEL (file below data_root, label from 0)
    ann_file_val='data/own/val.txt',
    label_map='data/own/classes.txt',  # one class name per line, in the order of the labels
    num_classes=3,
    max_epochs=20,
    warmup_epochs=2,
    batch_size=6,  # clips per GPU; with several GPUs, use --auto-scale-lr
    accumulative_counts=1,
    checkpoints=dict(  # None where `load_from` has the expert's weights
        spatial='checkpoints/ViT-B-16.pt', temporal='checkpoints/videomae_vit-base-p16_k400-pre.pth',
        audio='checkpoints/audioset_10_10_0.4593.pth'),
    # or a checkpoint of CAST, CAVA or CA2ST without its head: tools/convert/release_checkpoint.py --drop-head
    load_from=None,
    model=dict(data_preprocessor=dict(blending=None))))  # mixup needs larger batches
