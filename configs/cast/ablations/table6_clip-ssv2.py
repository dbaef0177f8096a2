# Table 6, spatial CLIP, temporal VideoMAE of SSV2.
# The paper's: 73.3 verb, 60.0 noun, 49.0 action top-1.
_base_ = '../cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ek100-rgb.py'

model = dict(backbone=dict(experts=dict(temporal=dict(checkpoint=_base_.weights.videomae_ssv2))))
