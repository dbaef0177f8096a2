# CAST with X-ViT as its temporal expert, on Something-Something-V2. No result is published.
#   tools/dist_train.sh configs/cast/variants/THIS_FILE 8 --auto-scale-lr
# X-ViT is frozen, with adapters. CLIP reads the same 16 frames, so that both experts have 16 positions in
# time. Each expert has its own normalisation.
_base_ = '../cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ssv2-rgb.py'

model = dict(
    backbone=dict(
        experts=dict(
            spatial=dict(
                tubelet_size=1,
                normalize=dict(mean=(122.771, 116.746, 104.094), std=(68.501, 66.632, 70.323))),
            temporal=dict(
                _delete_=True,
                type='XViTExpert',
                checkpoint=_base_.weights.xvit_ssv2,
                normalize=dict(mean=(127.5, 127.5, 127.5), std=(127.5, 127.5, 127.5))))))
