# Table 1 (c), cross-attention, then adapter, 93.0 M learnable.
# The paper's: 71.3 verb, 60.1 noun, 47.9 action top-1.
# Here, 82.1 M are learnable; the docstring of FullWidthCrossAttention discusses the difference.
_base_ = '../cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ek100-rgb.py'

receivers = dict(spatial='time', temporal='space')
model = dict(
    backbone=dict(
        exchanges=dict(
            b_cast=dict(_delete_=True, type='FullWidthCrossAttention', receivers=receivers, adapter=True))))
