# Late fusion: no exchanges, so that the experts meet in the head only.
_base_ = '../ca2st_vit-base-p16_clip-videomae-ast_16xb6-u16x2-50e_ek100-rgb-audio.py'

backbone = _base_.model.backbone
model = dict(
    backbone=dict(
        _delete_=True,
        type='MultiExpertViT',
        experts=backbone.experts,
        drop_path_rate=backbone.drop_path_rate))
