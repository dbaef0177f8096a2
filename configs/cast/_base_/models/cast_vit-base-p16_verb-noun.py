_base_ = 'cast_vit-base-p16.py'

model = dict(
    cls_head=dict(
        type='VerbNounHead',
        num_classes=dict(verb=97, noun=300),
        in_channels=768,
        experts=dict(verb='temporal', noun='spatial'),
        label_smooth_eps=0.1,
        average_clips='prob'))
