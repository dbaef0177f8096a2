# Table 1 (f), exchange in layers 4 to 12.
# The paper's: 71.8 verb, 60.0 noun, 48.2 action top-1.
_base_ = '../cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ek100-rgb.py'

model = dict(backbone=dict(exchanges=dict(b_cast=dict(layers=list(range(3, 12))))))
