# X-ViT as on Kinetics: frames exchange fewer channels, within segments of 8. num_classes depends on the data.
_base_ = 'xvit_vit-base-p16.py'

model = dict(
    backbone=dict(mix_ratio=0.25, segment=8),
    cls_head=dict(type='XViTHead', in_channels=768, label_smooth_eps=0.3, average_clips='prob'))
