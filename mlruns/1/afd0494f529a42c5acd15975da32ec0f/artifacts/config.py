ann_file_test = '/tmp/own/val.csv'
ann_file_train = '/tmp/own/train.csv'
ann_file_val = '/tmp/own/val.csv'
augment = [
    dict(policy='rand-m7-n4-mstd0.5-inc1', type='ClipRandAugment'),
    dict(
        area_range=(
            0.08,
            1.0,
        ),
        aspect_ratio_range=(
            0.75,
            1.3333333333333333,
        ),
        type='RandomResizedCrop'),
]
auto_scale_lr = dict(base_batch_size=2, enable=False)
cosine = dict(
    by_epoch=True,
    convert_to_iter_based=True,
    eta_min_ratio=0.001,
    type='CosineAnnealingLR')
custom_imports = dict(
    allow_failed_imports=False, imports=[
        'projects.cast',
    ])
data_root = '/tmp/own/videos'
data_root_val = '/tmp/own/videos'
dataset = dict(type='SegmentListDataset')
dataset_type = 'VideoListDataset'
default_hooks = dict(
    checkpoint=dict(
        _scope_='mmaction',
        backend_args=dict(backend='atomic'),
        interval=1,
        max_keep_ckpts=3,
        rule='greater',
        save_best='acc/top1',
        type='CheckpointHook'),
    logger=dict(
        _scope_='mmaction', ignore_last=False, interval=20, type='LoggerHook'),
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
label_map = '/tmp/own/classes.txt'
launcher = 'none'
load_from = None
loader = dict(
    batch_size=6, num_workers=8, persistent_workers=True, pin_memory=True)
log_level = 'INFO'
log_processor = dict(
    _scope_='mmaction', by_epoch=True, type='LogProcessor', window_size=20)
max_epochs = 2
model = dict(
    backbone=dict(
        drop_path_rate=0.3,
        exchanges=dict(
            b_cast=dict(
                bottleneck_dims=12,
                num_heads=2,
                receivers=dict(spatial='time', temporal='space'),
                type='BCAST')),
        experts=dict(
            spatial=dict(
                checkpoint=None,
                depth=1,
                embed_dims=24,
                num_heads=2,
                type='CLIPExpert'),
            temporal=dict(
                checkpoint=None,
                depth=1,
                embed_dims=24,
                num_heads=2,
                type='VideoMAEExpert')),
        type='TwoExpertViT'),
    cls_head=dict(
        average_clips='prob',
        in_channels=24,
        label_smooth_eps=0.1,
        loss_cls=dict(class_weight=[
            1.0,
            1.0,
            1.0,
        ], type='CrossEntropyLoss'),
        num_classes=3,
        type='FusedHead'),
    data_preprocessor=dict(
        blending=None,
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
more_views = dict(EqualCrops=dict(num_crops=3), UniformClips=dict(num_clips=2))
num_classes = 3
optim_wrapper = dict(
    accumulative_counts=1,
    constructor='LayerDecayOptimWrapperConstructor',
    optimizer=dict(
        betas=(
            0.9,
            0.999,
        ), lr=7.8125e-06, type='AdamW', weight_decay=0.05),
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
    ), type='PackActionInputs')
param_scheduler = [
    dict(
        begin=0,
        by_epoch=True,
        convert_to_iter_based=True,
        end=1,
        start_factor=1e-10,
        type='LinearLR'),
    dict(
        T_max=1,
        begin=1,
        by_epoch=True,
        convert_to_iter_based=True,
        end=2,
        eta_min_ratio=0.001,
        type='CosineAnnealingLR'),
]
randomness = dict(deterministic=False, diff_rank_seed=False, seed=None)
resume = False
runner_type = 'CASTRunner'
sample = dict(clip_len=16, type='UniformClips')
test_cfg = dict(type='TestLoop')
test_dataloader = dict(
    batch_size=1,
    dataset=dict(
        ann_file='/tmp/own/val.csv',
        data_prefix=dict(video='/tmp/own/videos'),
        num_classes=3,
        pipeline=[
            dict(decoder='decord', type='InitVideo'),
            dict(clip_len=4, num_clips=2, test_mode=True, type='UniformClips'),
            dict(type='DecodeVideo'),
            dict(scale=(
                -1,
                224,
            ), type='Resize'),
            dict(crop_size=224, num_crops=3, type='EqualCrops'),
            dict(input_format='NCTHW', type='FormatShape'),
            dict(
                meta_keys=(
                    'img_shape',
                    'filename',
                ), type='PackActionInputs'),
        ],
        test_mode=True,
        type='SegmentListDataset'),
    num_workers=0,
    persistent_workers=False,
    pin_memory=True,
    sampler=dict(shuffle=False, type='DefaultSampler'))
test_evaluator = dict(type='AccuracyMetric')
test_pipeline = [
    dict(decoder='decord', type='InitVideo'),
    dict(clip_len=4, num_clips=2, test_mode=True, type='UniformClips'),
    dict(type='DecodeVideo'),
    dict(scale=(
        -1,
        224,
    ), type='Resize'),
    dict(crop_size=224, num_crops=3, type='EqualCrops'),
    dict(input_format='NCTHW', type='FormatShape'),
    dict(meta_keys=(
        'img_shape',
        'filename',
    ), type='PackActionInputs'),
]
train_cfg = dict(
    max_epochs=2, type='EpochBasedTrainLoop', val_begin=1, val_interval=1)
train_dataloader = dict(
    batch_size=2,
    dataset=dict(
        ann_file='/tmp/own/train.csv',
        data_prefix=dict(video='/tmp/own/videos'),
        num_classes=3,
        pipeline=[
            dict(decoder='decord', type='InitVideo'),
            dict(clip_len=4, type='UniformClips'),
            dict(type='DecodeVideo'),
            dict(policy='rand-m7-n4-mstd0.5-inc1', type='ClipRandAugment'),
            dict(
                area_range=(
                    0.08,
                    1.0,
                ),
                aspect_ratio_range=(
                    0.75,
                    1.3333333333333333,
                ),
                type='RandomResizedCrop'),
            dict(keep_ratio=False, scale=(
                224,
                224,
            ), type='Resize'),
            dict(input_format='NCTHW', type='FormatShape'),
            dict(
                meta_keys=(
                    'img_shape',
                    'filename',
                ), type='PackActionInputs'),
        ],
        type='SegmentListDataset'),
    drop_last=True,
    num_workers=0,
    persistent_workers=False,
    pin_memory=True,
    sampler=dict(shuffle=True, type='SeededSampler'))
train_pipeline = [
    dict(decoder='decord', type='InitVideo'),
    dict(clip_len=4, type='UniformClips'),
    dict(type='DecodeVideo'),
    dict(policy='rand-m7-n4-mstd0.5-inc1', type='ClipRandAugment'),
    dict(
        area_range=(
            0.08,
            1.0,
        ),
        aspect_ratio_range=(
            0.75,
            1.3333333333333333,
        ),
        type='RandomResizedCrop'),
    dict(keep_ratio=False, scale=(
        224,
        224,
    ), type='Resize'),
    dict(input_format='NCTHW', type='FormatShape'),
    dict(meta_keys=(
        'img_shape',
        'filename',
    ), type='PackActionInputs'),
]
val_cfg = dict(type='ValLoop')
val_dataloader = dict(
    batch_size=2,
    dataset=dict(
        ann_file='/tmp/own/val.csv',
        data_prefix=dict(video='/tmp/own/videos'),
        num_classes=3,
        pipeline=[
            dict(decoder='decord', type='InitVideo'),
            dict(clip_len=4, test_mode=True, type='UniformClips'),
            dict(type='DecodeVideo'),
            dict(scale=(
                -1,
                224,
            ), type='Resize'),
            dict(crop_size=224, num_crops=1, type='EqualCrops'),
            dict(input_format='NCTHW', type='FormatShape'),
            dict(
                meta_keys=(
                    'img_shape',
                    'filename',
                ), type='PackActionInputs'),
        ],
        test_mode=True,
        type='SegmentListDataset'),
    num_workers=0,
    persistent_workers=False,
    pin_memory=True,
    sampler=dict(shuffle=False, type='DefaultSampler'))
val_evaluator = dict(type='AccuracyMetric')
val_pipeline = [
    dict(decoder='decord', type='InitVideo'),
    dict(clip_len=4, test_mode=True, type='UniformClips'),
    dict(type='DecodeVideo'),
    dict(scale=(
        -1,
        224,
    ), type='Resize'),
    dict(crop_size=224, num_crops=1, type='EqualCrops'),
    dict(input_format='NCTHW', type='FormatShape'),
    dict(meta_keys=(
        'img_shape',
        'filename',
    ), type='PackActionInputs'),
]
videos = dict(
    data_prefix=dict(video='data/ssv2/videos'),
    num_classes=174,
    type='VideoListDataset')
vis_backends = [
    dict(_scope_='mmaction', type='LocalVisBackend'),
]
visualizer = dict(
    _scope_='mmaction',
    type='ActionVisualizer',
    vis_backends=[
        dict(type='LocalVisBackend'),
        dict(
            exp_name='own',
            tracking_uri='sqlite:////tmp/own/mlflow.db',
            type='MLflowVisBackend'),
    ])
warmup = dict(
    by_epoch=True,
    convert_to_iter_based=True,
    start_factor=1e-10,
    type='LinearLR')
warmup_epochs = 1
weights = dict(
    ast='checkpoints/audioset_10_10_0.4593.pth',
    clip='checkpoints/ViT-B-16.pt',
    eva='checkpoints/eva02_base_patch16_clip_224.merged2b.safetensors',
    in21k='checkpoints/vit_base_patch16_224.augreg_in21k.safetensors',
    in21k_base_p32='checkpoints/vit_base_patch32_224.augreg_in21k.safetensors',
    in21k_large_p32='checkpoints/vit_large_patch32_224.orig_in21k.safetensors',
    mvd='checkpoints/mvd_vit-base-p16.pth',
    videomae_ek100='checkpoints/videomae_vit-base-p16_ek100-pre.pth',
    videomae_k400='checkpoints/videomae_vit-base-p16_k400-pre.pth',
    videomae_ssv2='checkpoints/videomae_vit-base-p16_ssv2-pre.pth',
    xvit_ssv2='checkpoints/xvit_b16_16_ss2.pth')
work_dir = '/tmp/own/run_mlflow'
