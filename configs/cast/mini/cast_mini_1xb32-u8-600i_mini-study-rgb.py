# A CAST of four blocks on the clips of the miniature study (docs/evidence.md). Its two experts are frozen and
# come from tools/mini_study.py, which trains this model and the rows of the paper's ablations at this size.
_base_ = [
    '../_base_/default_runtime.py', '../_base_/models/cast_vit-base-p16_verb-noun.py',
    '../_base_/datasets/ek100.py', '../_base_/schedules/adamw_50e.py'
]
from projects.cast.engine import derive

root = 'data/mini_study/plain'
experts = 'work_dirs/mini_study/experts'
expert = dict(
    img_size=48, patch_size=8, num_frames=8, embed_dims=64, depth=4, num_heads=4, mlp_ratio=2.)
dataset = dict(video_template='{participant_id}/videos/{video_id}.avi')
evaluator = dict(unseen_participants=None, tail_verbs=None, tail_nouns=None)
# an action has 8 frames, and a clip consists of all of them
pipeline = [
    *_base_.val_pipeline[:3],
    dict(type='CenterCrop', crop_size=48),  # the videos have a border
    dict(type='FormatShape', input_format='NCTHW'), _base_.val_pipeline[-1]
]
iters = 600

locals().update(derive(
    _base_,
    data_root=root,
    ann_file_train=f'{root}/EPIC_100_train.csv',
    ann_file_val=f'{root}/EPIC_100_validation.csv',
    label_map=dict(
        verb=f'{root}/EPIC_100_verb_classes.csv',
        noun=f'{root}/EPIC_100_noun_classes.csv'),
    num_classes=dict(verb=8, noun=8),
    clip_len=8,
    batch_size=32,
    accumulative_counts=1,
    checkpoints=dict(spatial=f'{experts}/stills_seed0.pth', temporal=f'{experts}/motions_seed0.pth'),
    train_pipeline=pipeline,
    val_pipeline=pipeline,
    test_pipeline=pipeline,
    train_dataloader=dict(
        num_workers=0, persistent_workers=False, sampler=dict(type='InfiniteSampler', _delete_=True),
        dataset=dataset),
    val_dataloader=dict(num_workers=0, persistent_workers=False, dataset=dataset),
    test_dataloader=dict(num_workers=0, persistent_workers=False, batch_size=50, dataset=dataset),
    val_evaluator=evaluator,
    test_evaluator=evaluator,
    model=dict(
        backbone=dict(
            experts=dict(spatial=expert, temporal=expert),
            exchanges=dict(b_cast=dict(bottleneck_dims=32, num_heads=4)),
            drop_path_rate=0.),
        data_preprocessor=dict(mean=[128.] * 3, std=[64.] * 3),
        cls_head=dict(in_channels=64, label_smooth_eps=0.)),
    train_cfg=dict(type='IterBasedTrainLoop', max_iters=iters, val_interval=10**6, _delete_=True),
    optim_wrapper=dict(
        optimizer=dict(lr=3e-3, betas=(0.9, 0.98)),
        clip_grad=dict(max_norm=1.),
        paramwise_cfg=dict(layer_decay_rate=1.)),
    param_scheduler=[
        dict(type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=50),
        dict(type='CosineAnnealingLR', eta_min=0., by_epoch=False, begin=50, end=iters)
    ],
    default_hooks=dict(
        checkpoint=dict(by_epoch=False, interval=100, max_keep_ckpts=1),
        logger=dict(interval=50))))
