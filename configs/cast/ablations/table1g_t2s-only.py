# Table 1 (g), T2S only.
# The paper's: 68.7 verb, 60.5 noun, 46.7 action top-1.
_base_ = '../cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ek100-rgb.py'

receivers = dict(_delete_=True, spatial='time')
model = dict(backbone=dict(exchanges=dict(b_cast=dict(receivers=receivers))))
