# Window of mixing: t_w = 0, no other frame. Temporal averaging.
# The paper's: 44.2 top-1.
_base_ = 'xvit_ssv2_averaging.py'

model = dict(backbone=dict(mix=()))
