# Tables 5 and 6, spatial IN21K ViT-B, temporal VideoMAE of EK100.
# The paper's: 70.9 verb, 56.8 noun, 45.5 action top-1.
_base_ = '../cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ek100-rgb.py'

in21k = dict(
    _delete_=True, type='TimmExpert', model_name='vit_base_patch16_224.augreg_in21k',
    checkpoint=_base_.weights.in21k)
model = dict(backbone=dict(experts=dict(spatial=in21k)))
