# Table 7, spatial EVA-CLIP, temporal MVD.
# The paper's: 73.7 verb, 60.1 noun, 49.2 action top-1.
_base_ = '../cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ek100-rgb.py'

# from https://huggingface.co/timm/eva02_base_patch16_clip_224.merged2b
eva_checkpoint = 'checkpoints/eva02_base_patch16_clip_224.merged2b.safetensors'
# ViT-B of https://github.com/ruiwang2021/mvd; its files have VideoMAE's layout
mvd_checkpoint = 'checkpoints/mvd_vit-base-p16.pth'
model = dict(
    backbone=dict(
        experts=dict(
            spatial=dict(
                _delete_=True, type='TimmExpert', model_name='eva02_base_patch16_clip_224',
                checkpoint=eva_checkpoint),
            temporal=dict(checkpoint=mvd_checkpoint))))
