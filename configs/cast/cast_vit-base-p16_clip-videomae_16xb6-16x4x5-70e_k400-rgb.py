# CAST on Kinetics-400 (NeurIPS 2023, table 2 (c)): 85.3 top-1, the paper's.
#   tools/dist_train.sh configs/cast/THIS_FILE 8 --auto-scale-lr
# Paper's hardware: 2 nodes x 8 GPUs x 6 clips, 6 accumulated. Test: 5 clips x 3 crops.
#
# Expert weights; each file is taken as it comes, or converted by tools/convert/expert_checkpoint.py:
#   clip_checkpoint: OpenAI's ViT-B-16.pt, https://github.com/openai/CLIP (clip/model.py lists the address)
#   videomae_checkpoint: VideoMAE ViT-B pre-trained on Kinetics-400, 1600 epochs,
#     https://github.com/MCG-NJU/VideoMAE (MODEL_ZOO.md)
_base_ = [
    '_base_/default_runtime.py', '_base_/models/cast_vit-base-p16_fused.py', '_base_/datasets/k400.py',
    '_base_/schedules/adamw_70e.py'
]

clip_checkpoint = 'checkpoints/ViT-B-16.pt'
videomae_checkpoint = 'checkpoints/videomae_vit-base-p16_k400-pre.pth'
model = dict(
    backbone=dict(
        experts=dict(
            spatial=dict(checkpoint=clip_checkpoint),
            temporal=dict(checkpoint=videomae_checkpoint)),
        drop_path_rate=0.2),
    cls_head=dict(num_classes=400),
    data_preprocessor=dict(
        blending=dict(
            type='RandomBatchAugment',
            augments=dict(type='ReverseMixup', alpha=0.8, num_classes=400),
            probs=0.5)))
default_hooks = dict(checkpoint=dict(save_best='acc/top1', rule='greater'))
