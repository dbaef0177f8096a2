# CAVA: CLIP's architecture and the audio expert, without one for motion.
_base_ = 'ca2st_mini_1xb32-u4-10e_mini-sound-rgb-audio.py'

experts = _base_.model.backbone.experts
exchange = dict(_base_.model.backbone.exchanges.spatial_audio, layers=[0, 1])
model = dict(
    backbone=dict(
        experts=dict(_delete_=True, spatial=experts.spatial, audio=experts.audio),
        exchanges=dict(_delete_=True, spatial_audio=exchange),
        order=['spatial_audio']),
    cls_head=dict(experts=dict(verb=('spatial', 'audio'), noun=('spatial', 'audio'))))
