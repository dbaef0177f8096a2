# CA2ST with ViT-B/16 experts: CAST and AST, with an exchange between AST and each of CAST's experts. The head
# is that for one label; num_classes depends on the data set.
_base_ = '../../../cast/_base_/models/cast_vit-base-p16.py'

sound = dict(
    type='BCAST',
    positions='factorized',  # tables, one over space and one over time
    layers=[9, 10, 11],
    bottleneck_dims=384,
    num_heads=12)
model = dict(
    backbone=dict(
        type='MultiExpertViT',
        experts=dict(
            audio=dict(
                type='ASTExpert',
                checkpoint=_base_.weights.ast,
                # quirk of the program: in this stream, drop path also applies to the attention
                drop_attention=True)),
        exchanges=dict(
            b_cast=dict(between=('spatial', 'temporal')),
            spatial_audio=dict(
                between=('spatial', 'audio'),
                receivers=dict(spatial='space-time', audio='space-time'),
                **sound),
            temporal_audio=dict(
                between=('temporal', 'audio'),
                receivers=dict(temporal='space-time', audio='space-time'),
                **sound)),
        combine='sequence',
        order=['b_cast', 'spatial_audio', 'temporal_audio']),
    cls_head=dict(
        type='FusedHead',
        in_channels=768,
        experts=('spatial', 'temporal', 'audio'),
        quick_gelu=('audio', ),
        label_smooth_eps=0.1,
        average_clips='prob'),
    data_preprocessor=dict(
        _delete_=True,
        type='CASTDataPreprocessor',
        preprocessors=dict(
            imgs=_base_.model.data_preprocessor,
            audio=dict(  # log-mel spectrograms (views, 1, rows, 128), as AST was trained on AudioSet
                type='mmaction.ActionDataPreprocessor',
                mean=[-4.2677393],
                std=[2 * 4.5689974],
                format_shape='NCHW'))))
