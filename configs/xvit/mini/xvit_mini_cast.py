# CAST with X-ViT as its temporal expert, which mixes; CLIP's architecture, untrained, reads the same frames.
_base_ = 'xvit_mini_1xb32-u8-15e_mini-reversed-rgb.py'

temporal = _base_.model.backbone
spatial = dict(
    type='CLIPExpert',
    tubelet_size=1,
    img_size=64,
    patch_size=16,
    num_frames=8,
    embed_dims=64,
    depth=2,
    num_heads=4,
    frozen=False)
b_cast = dict(
    type='BCAST', receivers=dict(spatial='time', temporal='space'), bottleneck_dims=32, num_heads=4)
model = dict(
    backbone=dict(
        _delete_=True,
        type='TwoExpertViT',
        experts=dict(spatial=spatial, temporal=dict(temporal, adapter_ratio=0.25)),
        exchanges=dict(b_cast=b_cast)),
    cls_head=dict(_delete_=True, type='VerbNounHead', num_classes=_base_.num_classes, in_channels=64))
