# What is mixed: nothing. Temporal attention.
# The paper's: 55.6 top-1.
_base_ = 'xvit_ssv2_8-frames.py'

model = dict(backbone=dict(mix=()))
