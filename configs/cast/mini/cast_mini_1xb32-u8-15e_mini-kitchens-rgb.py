# A CAST small enough to train from scratch on two CPU cores, on synthetic kitchens in real video files:
#   python tools/data/mini_kitchens/generate.py
#   python tools/train.py configs/cast/mini/cast_mini_1xb32-u8-15e_mini-kitchens-rgb.py
# The experts are trained, too, as nothing is pre-trained at this size. docs/zoo.md has the accuracies.
_base_ = [
    '../_base_/default_runtime.py', '../_base_/models/cast_vit-base-p16_verb-noun.py',
    '../_base_/datasets/ek100.py', '../_base_/schedules/adamw_50e.py'
]
from projects.cast.engine import derive

expert = dict(
    img_size=64, patch_size=16, num_frames=8, embed_dims=64, depth=2, num_heads=4, frozen=False)
resize = dict(type='Resize', scale=(72, 72), keep_ratio=False)
centre = [resize, dict(type='CenterCrop', crop_size=64)]
dataset = dict(video_template='{participant_id}/videos/{video_id}.mp4')
evaluator = dict(unseen_participants=None, tail_verbs=None, tail_nouns=None)

locals().update(derive(
    _base_,
    data_root='data/mini_kitchens',
    ann_file_train='data/mini_kitchens/EPIC_100_train.csv',
    ann_file_val='data/mini_kitchens/EPIC_100_validation.csv',
    label_map=dict(
        verb='data/mini_kitchens/EPIC_100_verb_classes.csv',
        noun='data/mini_kitchens/EPIC_100_noun_classes.csv'),
    num_classes=dict(verb=6, noun=6),
    clip_len=8,
    max_epochs=15,
    warmup_epochs=2,
    batch_size=32,
    accumulative_counts=1,
    checkpoints=dict(spatial=None, temporal=None),
    # Clips are opened and packed as for EPIC-KITCHENS-100. There are 2 test views, and no frame is flipped,
    # as that would turn slide-left into slide-right.
    train_pipeline=[
        *_base_.train_pipeline[:3], resize, dict(type='RandomCrop', size=64), *_base_.train_pipeline[-2:]],
    val_pipeline=[*_base_.val_pipeline[:3], *centre, *_base_.val_pipeline[-2:]],
    test_pipeline=[*_base_.test_pipeline[:3], *centre, *_base_.test_pipeline[-2:]],
    train_dataloader=dict(num_workers=1, dataset=dataset),
    val_dataloader=dict(num_workers=1, dataset=dataset),
    test_dataloader=dict(num_workers=1, batch_size=32, dataset=dataset),
    val_evaluator=evaluator,
    test_evaluator=evaluator,
    model=dict(
        backbone=dict(
            experts=dict(
                spatial=expert,
                temporal=dict(
                    init_cfg=dict(type='Xavier', layer='Linear', distribution='uniform'), **expert)),
            exchanges=dict(b_cast=dict(bottleneck_dims=32, num_heads=4)),
            drop_path_rate=0.),
        cls_head=dict(in_channels=64, label_smooth_eps=0.)),
    train_cfg=dict(val_interval=5),
    optim_wrapper=dict(
        optimizer=dict(lr=1.5e-3, betas=(0.9, 0.95)),
        paramwise_cfg=dict(layer_decay_rate=1.)),  # nothing is pre-trained
    default_hooks=dict(
        checkpoint=dict(interval=5, save_best='acc/action_top1', rule='greater'),
        logger=dict(interval=10))))
