# CAVA with ViT-B/16 experts: CLIP and AST, with an exchange in all blocks. Whether the program also applies
# drop path to the attention of the audio stream, as in CA2ST, is not known; here, it does not apply.
_base_ = 'ca2st_vit-base-p16.py'

experts = _base_.model.backbone.experts
exchange = dict(_base_.model.backbone.exchanges.spatial_audio)
exchange.pop('layers')
model = dict(
    backbone=dict(
        experts=dict(
            _delete_=True,
            spatial=dict(experts.spatial, post_norm_eps=1e-6),  # the program's; CLIP's is 1e-5
            audio=dict(experts.audio, drop_attention=False)),
        exchanges=dict(_delete_=True, spatial_audio=exchange),
        order=['spatial_audio']),
    cls_head=dict(experts=('spatial', 'audio'), skip=True, quick_gelu=()))
