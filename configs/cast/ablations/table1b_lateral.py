# Table 1 (b), layer-wise lateral connections, without adapters, fully fine-tuned.
# The paper's: 68.9 verb, 49.1 noun, 39.0 action top-1.
_base_ = '../cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ek100-rgb.py'

full = dict(frozen=False, adapter_ratio=0)
model = dict(
    backbone=dict(
        experts=dict(spatial=full, temporal=full),
        exchanges=dict(b_cast=dict(_delete_=True, type='Lateral'))))
