# X-ViT with the ViT-B/16 of ImageNet-21k, all of it learned, as on Something-Something-V2. The head depends
# on the data.
_base_ = '../../../cast/_base_/models/weights.py'

model = dict(
    type='CASTRecognizer',
    backbone=dict(
        type='XViTExpert',
        model_name='vit_base_patch16_224.augreg_in21k',
        checkpoint=_base_.weights.in21k,
        mix_ratio=0.5,
        segment=16,
        time_entries=8,  # the release's table over time, also for 16 frames
        adapter_ratio=0,
        frozen=False),
    data_preprocessor=dict(
        type='mmaction.ActionDataPreprocessor',
        mean=[127.5, 127.5, 127.5],
        std=[127.5, 127.5, 127.5],
        format_shape='NCTHW'),
    test_cfg=dict(max_testing_views=6))
