# Table 6, spatial IN21K ViT-B, temporal VideoMAE of SSV2.
# The paper's: 71.6 verb, 56.1 noun, 45.3 action top-1.
_base_ = '../cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ek100-rgb.py'

# from https://huggingface.co/timm/vit_base_patch16_224.augreg_in21k
in21k_checkpoint = 'checkpoints/vit_base_patch16_224.augreg_in21k.safetensors'
model = dict(
    backbone=dict(
        experts=dict(
            spatial=dict(
                _delete_=True, type='TimmExpert', model_name='vit_base_patch16_224.augreg_in21k',
                checkpoint=in21k_checkpoint),
            temporal=dict(checkpoint='checkpoints/videomae_vit-base-p16_ssv2-pre.pth'))))
