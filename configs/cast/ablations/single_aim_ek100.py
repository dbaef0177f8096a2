# Tables 2 and 9, AIM, adapters only.
# The paper's: 64.8 verb, 55.5 noun, 41.3 action top-1.
_base_ = '../cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ek100-rgb.py'

aim = dict(_base_.model.backbone.experts.spatial, type='AIMExpert', time_adapter_in=True)
model = dict(
    backbone=dict(experts=dict(_delete_=True, spatial=aim), exchanges=dict(_delete_=True)),
    cls_head=dict(experts=dict(verb='spatial', noun='spatial')))
