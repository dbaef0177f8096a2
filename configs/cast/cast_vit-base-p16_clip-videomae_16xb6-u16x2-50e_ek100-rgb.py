# CAST on EPIC-KITCHENS-100 (NeurIPS 2023, table 2 (a)): 72.5 verb, 60.9 noun, 49.3 action top-1, the paper's.
#   tools/dist_train.sh configs/cast/THIS_FILE 8 --auto-scale-lr
# Paper's hardware: 2 nodes x 8 GPUs x 6 clips, 4 accumulated. Test: 2 clips x 3 crops.
#
# Expert weights: _base_/models/weights.py names their sources.
_base_ = [
    '_base_/default_runtime.py', '_base_/models/cast_vit-base-p16_verb-noun.py',
    '_base_/datasets/ek100.py', '_base_/schedules/adamw_50e.py'
]

model = dict(
    backbone=dict(experts=dict(temporal=dict(checkpoint=_base_.weights.videomae_ek100))),
    data_preprocessor=dict(
        blending=dict(
            type='VerbNounBatchAugment', augments=dict(type='ReverseMixup', alpha=0.8), probs=0.9)))
default_hooks = dict(checkpoint=dict(save_best='acc/action_top1', rule='greater'))
