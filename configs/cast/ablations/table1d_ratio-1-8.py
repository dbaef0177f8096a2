# Table 1 (d), projection ratio 1/8.
# The paper's: 70.7 verb, 59.9 noun, 47.4 action top-1.
_base_ = '../cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ek100-rgb.py'

model = dict(backbone=dict(exchanges=dict(b_cast=dict(bottleneck_dims=96))))
