# Table 6, spatial IN21K ViT-B, temporal VideoMAE of SSV2.
# The paper's: 71.6 verb, 56.1 noun, 45.3 action top-1.
_base_ = 'table6_in21k-ek100.py'

model = dict(backbone=dict(experts=dict(temporal=dict(checkpoint=_base_.weights.videomae_ssv2))))
