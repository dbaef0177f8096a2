# Positions of the exchanges with sound: tables instead of the time encoding.
_base_ = '../ca2st_vit-base-p16_clip-videomae-ast_16xb6-u16x2-50e_ek100-rgb-audio.py'

backbone = dict(_base_.model.backbone, type='MultiExpertViT')
backbone.pop('time_encoding')
backbone['exchanges'] = {
    name: dict(exchange, type='BCAST', positions='factorized') if 'audio' in name else exchange
    for name, exchange in backbone['exchanges'].items()}
model = dict(backbone=dict(backbone, _delete_=True))
