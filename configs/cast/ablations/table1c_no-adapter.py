# Table 1 (c), cross-attention without bottleneck adapter, 85.9 M learnable.
# The paper's: 69.3 verb, 49.4 noun, 39.4 action top-1.
# Here, 75.0 M are learnable; the docstring of FullWidthCrossAttention discusses the difference.
_base_ = '../cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ek100-rgb.py'

receivers = dict(spatial='time', temporal='space')
model = dict(
    backbone=dict(
        exchanges=dict(b_cast=dict(_delete_=True, type='FullWidthCrossAttention', receivers=receivers))))
