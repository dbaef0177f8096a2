# Backbone: ViT-L/32. The temporal attention has as many heads as it.
# The paper's: 61.0 top-1.
_base_ = 'xvit_ssv2_8-frames.py'

model = dict(
    backbone=dict(
        model_name='vit_large_patch32_224.orig_in21k', checkpoint=_base_.weights.in21k_large_p32),
    cls_head=dict(in_channels=1024, num_heads=16))
