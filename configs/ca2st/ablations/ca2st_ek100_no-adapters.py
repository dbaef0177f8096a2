# Adapters: none in the blocks. Whether the program then also leaves out those of the head is not known; here,
# they stay.
_base_ = '../ca2st_vit-base-p16_clip-videomae-ast_16xb6-u16x2-50e_ek100-rgb-audio.py'

none = dict(adapter_ratio=0)
model = dict(backbone=dict(experts=dict(spatial=none, temporal=none, audio=none)))
