# Table 5, independent experts, spatial IN21K ViT-B, temporal VideoMAE of EK100.
# The paper's: 69.7 verb, 50.9 noun, 40.4 action top-1.
# The paper does not say whether these experts have adapters; here, they do.
_base_ = 'table6_in21k-ek100.py'

model = dict(backbone=dict(exchanges=dict(_delete_=True)))
