# CAST on Kinetics-400 (NeurIPS 2023, table 2 (c)): 85.3 top-1, the paper's.
#   tools/dist_train.sh configs/cast/THIS_FILE 8 --auto-scale-lr
# Paper's hardware: 2 nodes x 8 GPUs x 6 clips, 6 accumulated. Test: 5 clips x 3 crops.
#
# Expert weights: _base_/models/weights.py names their sources.
_base_ = [
    '_base_/default_runtime.py', '_base_/models/cast_vit-base-p16_fused.py', '_base_/datasets/k400.py',
    '_base_/schedules/adamw_70e.py'
]

model = dict(
    backbone=dict(experts=dict(temporal=dict(checkpoint=_base_.weights.videomae_k400))),
    cls_head=dict(num_classes=_base_.num_classes),
    data_preprocessor=dict(
        blending=dict(
            type='RandomBatchAugment',
            augments=dict(type='ReverseMixup', alpha=0.8, num_classes=_base_.num_classes),
            probs=0.5)))
default_hooks = dict(checkpoint=dict(save_best='acc/top1', rule='greater'))
