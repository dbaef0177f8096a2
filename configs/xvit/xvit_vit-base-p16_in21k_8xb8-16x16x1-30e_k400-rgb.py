# X-ViT on Kinetics-400 (NeurIPS 2021): 80.2 top-1, the paper's.
#   tools/dist_train.sh configs/xvit/THIS_FILE 8
# Release's hardware: 8 GPUs x 8 clips. Test: 1 clip x 3 crops.
_base_ = [
    '../cast/_base_/default_runtime.py', '_base_/models/xvit_vit-base-p16_kinetics.py',
    '_base_/datasets/k400.py', '_base_/schedules/sgd_30e.py'
]

model = dict(
    cls_head=dict(num_classes=_base_.num_classes),
    data_preprocessor=dict(
        blending=dict(type='MixupBlending', alpha=0.4, num_classes=_base_.num_classes)))
default_hooks = dict(checkpoint=dict(save_best='acc/top1', rule='greater'))
