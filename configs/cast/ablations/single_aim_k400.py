# Tables 2 and 11, AIM, adapters only.
# The paper's: 84.5 top-1.
_base_ = '../cast_vit-base-p16_clip-videomae_16xb6-16x4x5-70e_k400-rgb.py'

model = dict(
    backbone=dict(
        experts=dict(
            _delete_=True,
            spatial=dict(
                type='AIMExpert', checkpoint=_base_.clip_checkpoint)),
        exchanges=dict(_delete_=True)),
    cls_head=dict(experts=('spatial', ), adapters=False))
