# Sharing: each exchange has its own projections (without bcast_share in the program).
_base_ = '../ca2st_vit-base-p16_clip-videomae-ast_16xb6-u16x2-50e_ek100-rgb-audio.py'

model = dict(backbone=dict(share_projections=()))
