# Positions of the exchange: tables instead of the time encoding.
_base_ = '../cava_vit-base-p16_clip-ast_16xb6-u16x2-50e_epic-sounds-rgb-audio.py'

backbone = dict(_base_.model.backbone, type='MultiExpertViT')
backbone.pop('time_encoding')
backbone['exchanges'] = {
    name: dict(exchange, type='BCAST', positions='factorized') if 'audio' in name else exchange
    for name, exchange in backbone['exchanges'].items()}
model = dict(backbone=dict(backbone, _delete_=True))
