# Table 7, spatial CLIP, temporal MVD.
# The paper's: 73.1 verb, 60.1 noun, 49.3 action top-1.
_base_ = '../cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ek100-rgb.py'

model = dict(backbone=dict(experts=dict(temporal=dict(checkpoint=_base_.weights.mvd))))
