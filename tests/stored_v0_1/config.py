ann_file_test = 'data/mini_kitchens/EPIC_100_validation.csv'
ann_file_train = 'data/mini_kitchens/EPIC_100_train.csv'
ann_file_val = 'data/mini_kitchens/EPIC_100_validation.csv'
auto_scale_lr = dict(base_batch_size=32, enable=False)
cosine = dict(
    by_epoch=True,
    convert_to_iter_based=True,
    eta_min_ratio=0.001,
    type='CosineAnnealingLR')
custom_imports = dict(
    allow_failed_imports=False, imports=[
        'projects.cast',
    ])
data_root = 'data/mini_kitchens'
data_root_val = 'data/mini_kitchens'
dataset = dict(
    data_prefix=dict(video='data/mini_kitchens'),
    num_classes=dict(noun=6, verb=6),
    video_template='{participant_id}/videos/{video_id}.mp4')
dataset_type = 'EpicKitchensDataset'
default_hooks = dict(
    checkpoint=dict(
        _scope_='mmaction',
        backend_args=dict(backend='atomic'),
        interval=1,
        max_keep_ckpts=3,
        rule='greater',
        save_best='acc/action_top1',
        type='CheckpointHook'),
    logger=dict(
        _scope_='mmaction', ignore_last=False, interval=10, type='LoggerHook'),
    param_scheduler=dict(_scope_='mmaction', type='ParamSchedulerHook'),
    runtime_info=dict(_scope_='mmaction', type='RuntimeInfoHook'),
    sampler_seed=dict(_scope_='mmaction', type='EpochSeedHook'),
    sync_buffers=dict(_scope_='mmaction', type='SyncBuffersHook'),
    timer=dict(_scope_='mmaction', type='IterTimerHook'))
default_scope = 'mmaction'
env_cfg = dict(
    cudnn_benchmark=False,
    dist_cfg=dict(backend='nccl'),
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0))
expert = dict(
    depth=2,
    embed_dims=64,
    frozen=False,
    img_size=64,
    num_frames=8,
    num_heads=4,
    patch_size=16)
label_map = dict(
    noun='data/mini_kitchens/EPIC_100_noun_classes.csv',
    verb='data/mini_kitchens/EPIC_100_verb_classes.csv')
load_from = None
loader = dict(
    batch_size=6, num_workers=8, persistent_workers=True, pin_memory=True)
log_level = 'INFO'
log_processor = dict(
    _scope_='mmaction', by_epoch=True, type='LogProcessor', window_size=20)
max_epochs = 15
model = dict(
    backbone=dict(
        drop_path_rate=0.0,
        exchanges=dict(
            b_cast=dict(
                bottleneck_dims=8,
                num_heads=2,
                type='BCAST',
                windows=dict(spatial='time', temporal='space'))),
        experts=dict(
            spatial=dict(
                checkpoint=None,
                depth=2,
                embed_dims=16,
                frozen=True,
                img_size=64,
                mlp_ratio=2.0,
                num_frames=8,
                num_heads=2,
                patch_size=16,
                type='CLIPExpert'),
            temporal=dict(
                checkpoint=None,
                depth=2,
                embed_dims=16,
                frozen=True,
                img_size=64,
                init_cfg=dict(
                    distribution='uniform', layer='Linear', type='Xavier'),
                mlp_ratio=2.0,
                num_frames=8,
                num_heads=2,
                patch_size=16,
                type='VideoMAEExpert')),
        type='TwoExpertViT'),
    cls_head=dict(
        average_clips='prob',
        experts=dict(noun='spatial', verb='temporal'),
        in_channels=16,
        label_smooth_eps=0.0,
        num_classes=dict(noun=6, verb=6),
        type='VerbNounHead'),
    data_preprocessor=dict(
        format_shape='NCTHW',
        mean=[
            123.675,
            116.28,
            103.53,
        ],
        std=[
            58.395,
            57.12,
            57.375,
        ],
        type='mmaction.ActionDataPreprocessor'),
    test_cfg=dict(max_testing_views=6),
    type='CASTRecognizer')
model_wrapper_cfg = dict(
    broadcast_buffers=False, device_ids=None, type='MMDistributedDataParallel')
optim_wrapper = dict(
    accumulative_counts=1,
    constructor='LayerDecayOptimWrapperConstructor',
    optimizer=dict(
        betas=(
            0.9,
            0.95,
        ), lr=0.0015, type='AdamW', weight_decay=0.05),
    paramwise_cfg=dict(
        bias_decay_mult=0.0,
        flat_decay_mult=0.0,
        layer_decay_rate=0.75,
        norm_decay_mult=0.0),
    type='OptimWrapper')
ordered = dict(
    dataset=dict(test_mode=True),
    sampler=dict(shuffle=False, type='DefaultSampler'))
pack = dict(
    meta_keys=(
        'img_shape',
        'filename',
        'narration_id',
    ),
    type='PackActionInputs')
param_scheduler = [
    dict(
        begin=0,
        by_epoch=True,
        convert_to_iter_based=True,
        end=2,
        start_factor=1e-10,
        type='LinearLR'),
    dict(
        T_max=13,
        begin=2,
        by_epoch=True,
        convert_to_iter_based=True,
        end=15,
        eta_min_ratio=0.001,
        type='CosineAnnealingLR'),
]
randomness = dict(seed=0)
resume = False
runner_type = 'CASTRunner'
test_cfg = dict(type='TestLoop')
test_dataloader = dict(
    batch_size=32,
    dataset=dict(
        ann_file='data/mini_kitchens/EPIC_100_validation.csv',
        data_prefix=dict(video='data/mini_kitchens'),
        num_classes=dict(noun=6, verb=6),
        pipeline=[
            dict(type='InitVideo'),
            dict(clip_len=8, num_clips=2, test_mode=True, type='UniformClips'),
            dict(type='DecodeVideo'),
            dict(keep_ratio=False, scale=(
                72,
                72,
            ), type='Resize'),
            dict(crop_size=64, type='CenterCrop'),
            dict(input_format='NCTHW', type='FormatShape'),
            dict(
                meta_keys=(
                    'img_shape',
                    'filename',
                    'narration_id',
                ),
                type='PackActionInputs'),
        ],
        test_mode=True,
        type='EpicKitchensDataset',
        video_template='{participant_id}/videos/{video_id}.mp4'),
    num_workers=1,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(shuffle=False, type='DefaultSampler'))
test_evaluator = dict(
    tail_nouns=None,
    tail_verbs=None,
    type='VerbNounMetric',
    unseen_participants=None)
test_pipeline = [
    dict(type='InitVideo'),
    dict(clip_len=8, num_clips=2, test_mode=True, type='UniformClips'),
    dict(type='DecodeVideo'),
    dict(keep_ratio=False, scale=(
        72,
        72,
    ), type='Resize'),
    dict(crop_size=64, type='CenterCrop'),
    dict(input_format='NCTHW', type='FormatShape'),
    dict(
        meta_keys=(
            'img_shape',
            'filename',
            'narration_id',
        ),
        type='PackActionInputs'),
]
train_cfg = dict(
    max_epochs=2, type='EpochBasedTrainLoop', val_begin=1, val_interval=2)
train_dataloader = dict(
    batch_size=32,
    dataset=dict(
        ann_file='data/mini_kitchens/EPIC_100_train.csv',
        data_prefix=dict(video='data/mini_kitchens'),
        num_classes=dict(noun=6, verb=6),
        pipeline=[
            dict(type='InitVideo'),
            dict(clip_len=8, type='UniformClips'),
            dict(type='DecodeVideo'),
            dict(keep_ratio=False, scale=(
                72,
                72,
            ), type='Resize'),
            dict(size=64, type='RandomCrop'),
            dict(input_format='NCTHW', type='FormatShape'),
            dict(
                meta_keys=(
                    'img_shape',
                    'filename',
                    'narration_id',
                ),
                type='PackActionInputs'),
        ],
        type='EpicKitchensDataset',
        video_template='{participant_id}/videos/{video_id}.mp4'),
    drop_last=True,
    num_workers=1,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(shuffle=True, type='SeededSampler'))
train_pipeline = [
    dict(type='InitVideo'),
    dict(clip_len=8, type='UniformClips'),
    dict(type='DecodeVideo'),
    dict(keep_ratio=False, scale=(
        72,
        72,
    ), type='Resize'),
    dict(size=64, type='RandomCrop'),
    dict(input_format='NCTHW', type='FormatShape'),
    dict(
        meta_keys=(
            'img_shape',
            'filename',
            'narration_id',
        ),
        type='PackActionInputs'),
]
val_cfg = dict(type='ValLoop')
val_dataloader = dict(
    batch_size=32,
    dataset=dict(
        ann_file='data/mini_kitchens/EPIC_100_validation.csv',
        data_prefix=dict(video='data/mini_kitchens'),
        num_classes=dict(noun=6, verb=6),
        pipeline=[
            dict(type='InitVideo'),
            dict(clip_len=8, test_mode=True, type='UniformClips'),
            dict(type='DecodeVideo'),
            dict(keep_ratio=False, scale=(
                72,
                72,
            ), type='Resize'),
            dict(crop_size=64, type='CenterCrop'),
            dict(input_format='NCTHW', type='FormatShape'),
            dict(
                meta_keys=(
                    'img_shape',
                    'filename',
                    'narration_id',
                ),
                type='PackActionInputs'),
        ],
        test_mode=True,
        type='EpicKitchensDataset',
        video_template='{participant_id}/videos/{video_id}.mp4'),
    num_workers=1,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(shuffle=False, type='DefaultSampler'))
val_evaluator = dict(
    tail_nouns=None,
    tail_verbs=None,
    type='VerbNounMetric',
    unseen_participants=None)
val_pipeline = [
    dict(type='InitVideo'),
    dict(clip_len=8, test_mode=True, type='UniformClips'),
    dict(type='DecodeVideo'),
    dict(keep_ratio=False, scale=(
        72,
        72,
    ), type='Resize'),
    dict(crop_size=64, type='CenterCrop'),
    dict(input_format='NCTHW', type='FormatShape'),
    dict(
        meta_keys=(
            'img_shape',
            'filename',
            'narration_id',
        ),
        type='PackActionInputs'),
]
vis_backends = [
    dict(_scope_='mmaction', type='LocalVisBackend'),
]
visualizer = dict(
    _scope_='mmaction',
    type='ActionVisualizer',
    vis_backends=[
        dict(type='LocalVisBackend'),
    ])
warmup = dict(
    by_epoch=True,
    convert_to_iter_based=True,
    start_factor=1e-10,
    type='LinearLR')
warmup_epochs = 5
