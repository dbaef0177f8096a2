# Projection ratio 1/4 of all exchanges.
_base_ = '../ca2st_vit-base-p16_clip-videomae-ast_16xb6-u16x2-50e_ek100-rgb-audio.py'

narrow = dict(bottleneck_dims=192)
model = dict(
    backbone=dict(
        exchanges=dict(b_cast=narrow, spatial_audio=narrow, temporal_audio=narrow)))
