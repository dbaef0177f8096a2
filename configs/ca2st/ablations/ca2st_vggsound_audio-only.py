# Audio only: AST alone, frozen, with adapters in its blocks. A notebook of the authors has 58.4 top-1; it is
# not known which parts of AST were learned there.
_base_ = '../ca2st_vit-base-p16_clip-videomae-ast_16xb6-16x4x2-50e_vggsound-rgb-audio.py'

audio = _base_.model.backbone.experts.audio
model = dict(
    backbone=dict(experts=dict(_delete_=True, audio=audio), exchanges=dict(_delete_=True), order=None),
    cls_head=dict(experts=('audio', ), adapters=False, quick_gelu=()))
