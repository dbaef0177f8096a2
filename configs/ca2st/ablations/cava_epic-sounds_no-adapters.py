# Adapters: none in the blocks. Whether the program then also leaves out those of the head is not known; here,
# they stay.
_base_ = '../cava_vit-base-p16_clip-ast_16xb6-u16x2-50e_epic-sounds-rgb-audio.py'

none = dict(adapter_ratio=0)
model = dict(backbone=dict(experts=dict(spatial=none, audio=none)))
