# Table 8, without B-CAST position embeddings.
# The paper's: 71.3 verb, 59.7 noun, 47.5 action top-1.
_base_ = '../cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ek100-rgb.py'

model = dict(backbone=dict(exchanges=dict(b_cast=dict(positions=False))))
