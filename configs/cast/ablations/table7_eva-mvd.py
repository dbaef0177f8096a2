# Table 7, spatial EVA-CLIP, temporal MVD.
# The paper's: 73.7 verb, 60.1 noun, 49.2 action top-1.
_base_ = 'table7_eva-videomae.py'

model = dict(backbone=dict(experts=dict(temporal=dict(checkpoint=_base_.weights.mvd))))
