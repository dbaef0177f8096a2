# CA2ST, small enough to train from scratch on a CPU, on mini kitchens that can be heard:
#   python tools/data/mini_kitchens/generate_sound.py
#   python tools/train.py configs/ca2st/mini/ca2st_mini_1xb32-u4-10e_mini-sound-rgb-audio.py
# tools/mini_sound.sh runs it and the configs that derive from it. docs/sound.md has the accuracies.
_base_ = 'ca2st_mini_cast.py'
from projects.cast.engine import derive, with_sound

train_pipeline, val_pipeline, test_pipeline = with_sound(
    _base_, num_rows=64, num_clips=1, spec_augment=dict(max_time=6, max_mel=12))
cast = _base_.model.backbone
audio = dict(
    type='ASTExpert',
    weight_init='jax',  # Xavier's
    num_rows=64,
    stride=16,
    embed_dims=64,
    depth=2,
    num_heads=4,
    frozen=False)
sound = dict(
    type='TimedBCAST',
    layers=[1],
    bottleneck_dims=32,
    num_heads=4)

locals().update(derive(
    _base_,
    train_pipeline=train_pipeline,
    val_pipeline=val_pipeline,
    test_pipeline=test_pipeline,
    model=dict(
        backbone=dict(
            type='TimedExpertViT',
            experts=dict(audio=audio),
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
            _delete_=True,
            type='AdaptedTaskHead',
            num_classes=_base_.num_classes,
            in_channels=64,
            experts=dict(verb=('temporal', 'audio'), noun=('spatial', 'audio')),
            skip=True,  # nothing is pre-trained
            average_clips='prob'),
        data_preprocessor=dict(
            _delete_=True,
            type='CASTDataPreprocessor',
            preprocessors=dict(
                imgs=_base_.model.data_preprocessor,
                audio=dict(
                    type='mmaction.ActionDataPreprocessor',
                    mean=[-4.2677393],
                    std=[2 * 4.5689974],
                    format_shape='NCHW'))))))
