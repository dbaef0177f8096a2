# CAST with ViT-B/16 experts: 217 M parameters, 45 M of them learned. The head depends on the data.
_base_ = 'weights.py'

model = dict(
    type='CASTRecognizer',
    backbone=dict(
        type='TwoExpertViT',
        experts=dict(
            spatial=dict(type='CLIPExpert', checkpoint=_base_.weights.clip),
            temporal=dict(type='VideoMAEExpert', checkpoint=None)),  # depends on the data set
        exchanges=dict(
            b_cast=dict(
                type='BCAST',
                receivers=dict(spatial='time', temporal='space'),  # windows of T2S and S2T
                bottleneck_dims=384,
                num_heads=12)),
        drop_path_rate=0.2),
    data_preprocessor=dict(
        type='mmaction.ActionDataPreprocessor',  # ImageNet's mean and deviation for both experts
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        format_shape='NCTHW'),
    test_cfg=dict(max_testing_views=6))
