# What is mixed: x, the tokens before the projection. Temporal attention.
# The paper's: 62.1 top-1.
_base_ = 'xvit_ssv2_8-frames.py'

model = dict(backbone=dict(mix=('x', )))
