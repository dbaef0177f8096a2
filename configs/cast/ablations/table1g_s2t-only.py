# Table 1 (g), S2T only.
# The paper's: 71.2 verb, 55.0 noun, 43.7 action top-1.
_base_ = '../cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ek100-rgb.py'

receivers = dict(_delete_=True, temporal='space')
model = dict(backbone=dict(exchanges=dict(b_cast=dict(receivers=receivers))))
