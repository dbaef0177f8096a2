# Table 1 (h), spatial VideoMAE, temporal VideoMAE.
# The paper's: 69.8 verb, 49.9 noun, 40.3 action top-1.
# The paper does not say how a swapped expert attends. Here, its role determines this (within the frame, or
# jointly); it embeds and pools as usual.
_base_ = '../cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ek100-rgb.py'

videomae = dict(
    _delete_=True, type='VideoMAEExpert', window='space', checkpoint=_base_.weights.videomae_ek100)
model = dict(backbone=dict(experts=dict(spatial=videomae)))
