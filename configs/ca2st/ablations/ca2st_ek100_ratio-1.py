# Projection ratio 1 of all exchanges.
_base_ = '../ca2st_vit-base-p16_clip-videomae-ast_16xb6-u16x2-50e_ek100-rgb-audio.py'

wide = dict(bottleneck_dims=768)
model = dict(
    backbone=dict(
        exchanges=dict(b_cast=wide, spatial_audio=wide, temporal_audio=wide)))
