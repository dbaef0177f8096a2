# The audio expert alone.
_base_ = 'ca2st_mini_1xb32-u4-10e_mini-sound-rgb-audio.py'

audio = _base_.model.backbone.experts.audio
model = dict(
    backbone=dict(
        _delete_=True, type='MultiExpertViT', experts=dict(audio=audio)),
    cls_head=dict(
        _delete_=True, type='MultiTaskHead', num_classes=_base_.num_classes, in_channels=64,
        experts=dict(verb=('audio', ), noun=('audio', ))))
