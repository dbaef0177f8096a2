# Exchange layers: those with sound in layers 7 to 12 (CA6 in the program).
_base_ = '../ca2st_vit-base-p16_clip-videomae-ast_16xb6-u16x2-50e_ek100-rgb-audio.py'

upper = dict(layers=list(range(6, 12)))
model = dict(backbone=dict(exchanges=dict(spatial_audio=upper, temporal_audio=upper)))
