# CAST on Something-Something-V2 (NeurIPS 2023, table 2 (b)): 71.6 top-1, the paper's.
#   tools/dist_train.sh configs/cast/THIS_FILE 8 --auto-scale-lr
# Paper's hardware: 2 nodes x 8 GPUs x 6 clips, 4 accumulated. Test: 2 clips x 3 crops.
#
# Expert weights: _base_/models/weights.py names their sources.
_base_ = [
    '_base_/default_runtime.py', '_base_/models/cast_vit-base-p16_fused.py', '_base_/datasets/ssv2.py',
    '_base_/schedules/adamw_50e.py'
]

model = dict(
    backbone=dict(
        experts=dict(temporal=dict(checkpoint=_base_.weights.videomae_ssv2)),
        drop_path_rate=0.3),
    cls_head=dict(num_classes=_base_.num_classes),
    data_preprocessor=dict(
        blending=dict(
            type='RandomBatchAugment',
            augments=dict(type='ReverseMixup', alpha=0.8, num_classes=_base_.num_classes),
            probs=0.9)))
default_hooks = dict(checkpoint=dict(save_best='acc/top1', rule='greater'))
