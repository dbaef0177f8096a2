# Order of the exchanges: averaged instead of in sequence ("add" in the program).
_base_ = '../ca2st_vit-base-p16_clip-videomae-ast_16xb6-u16x2-50e_ek100-rgb-audio.py'

model = dict(backbone=dict(combine='mean'))
