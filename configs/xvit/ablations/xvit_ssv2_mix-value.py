# What is mixed: values only. Temporal attention.
# The paper's: 61.5 top-1.
_base_ = 'xvit_ssv2_8-frames.py'

model = dict(backbone=dict(mix=('value', )))
