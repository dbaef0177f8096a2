# Exchange layers: those with sound in all layers (CA0 in the program).
_base_ = '../ca2st_vit-base-p16_clip-videomae-ast_16xb6-u16x2-50e_ek100-rgb-audio.py'

everywhere = dict(layers=list(range(12)))
model = dict(backbone=dict(exchanges=dict(spatial_audio=everywhere, temporal_audio=everywhere)))
