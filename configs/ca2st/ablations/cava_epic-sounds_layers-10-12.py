# Exchange layers: 10 to 12.
_base_ = '../cava_vit-base-p16_clip-ast_16xb6-u16x2-50e_epic-sounds-rgb-audio.py'

model = dict(backbone=dict(exchanges=dict(spatial_audio=dict(layers=[9, 10, 11]))))
