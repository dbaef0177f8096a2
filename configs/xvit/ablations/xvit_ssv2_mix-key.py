# What is mixed: keys only. Temporal attention.
# The paper's: 62.1 top-1.
_base_ = 'xvit_ssv2_8-frames.py'

model = dict(backbone=dict(mix=('key', )))
