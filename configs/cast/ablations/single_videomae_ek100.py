# Tables 2 and 9, VideoMAE alone, 16 frames, fully fine-tuned.
# The paper's: 70.5 verb, 51.4 noun, 41.7 action top-1.
_base_ = '../cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ek100-rgb.py'

videomae = dict(_base_.model.backbone.experts.temporal, frozen=False, adapter_ratio=0)
model = dict(
    backbone=dict(experts=dict(_delete_=True, temporal=videomae), exchanges=dict(_delete_=True)),
    cls_head=dict(experts=dict(verb='temporal', noun='temporal')))
