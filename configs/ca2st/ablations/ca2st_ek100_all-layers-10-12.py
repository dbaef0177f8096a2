# Exchange layers: all three exchanges in layers 10 to 12 (ALLCA9 in the program).
_base_ = '../ca2st_vit-base-p16_clip-videomae-ast_16xb6-u16x2-50e_ek100-rgb-audio.py'

model = dict(backbone=dict(exchanges=dict(b_cast=dict(layers=[9, 10, 11]))))
