# Table 5, independent experts, spatial IN21K ViT-B, temporal VideoMAE of EK100.
# The paper's: 69.7 verb, 50.9 noun, 40.4 action top-1.
# With or without adapters, the paper leaves open: with, here.
_base_ = '../cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ek100-rgb.py'

# from https://huggingface.co/timm/vit_base_patch16_224.augreg_in21k
in21k_checkpoint = 'checkpoints/vit_base_patch16_224.augreg_in21k.safetensors'
model = dict(
    backbone=dict(
        experts=dict(
            spatial=dict(
                _delete_=True, type='TimmExpert', model_name='vit_base_patch16_224.augreg_in21k',
                checkpoint=in21k_checkpoint)),
        exchanges=dict(_delete_=True)))
