# Backbone: ViT-B/32.
# The paper's: 59.8 top-1.
_base_ = 'xvit_ssv2_8-frames.py'

model = dict(
    backbone=dict(
        model_name='vit_base_patch32_224.augreg_in21k', checkpoint=_base_.weights.in21k_base_p32))
