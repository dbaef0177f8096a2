# Table 7, spatial EVA-CLIP, temporal VideoMAE.
# The paper's: 73.1 verb, 59.8 noun, 49.1 action top-1.
_base_ = '../cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ek100-rgb.py'

eva = dict(
    _delete_=True, type='TimmExpert', model_name='eva02_base_patch16_clip_224', checkpoint=_base_.weights.eva)
model = dict(backbone=dict(experts=dict(spatial=eva)))
