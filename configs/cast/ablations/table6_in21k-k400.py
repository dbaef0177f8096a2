# Table 6, spatial IN21K ViT-B, temporal VideoMAE of K400.
# The paper's: 72.2 verb, 56.4 noun, 45.9 action top-1.
_base_ = 'table6_in21k-ek100.py'

model = dict(backbone=dict(experts=dict(temporal=dict(checkpoint=_base_.weights.videomae_k400))))
