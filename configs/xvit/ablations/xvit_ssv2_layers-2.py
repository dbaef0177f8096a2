# Temporal attention: 2 layers.
# The paper's: 63.4 top-1.
_base_ = 'xvit_ssv2_8-frames.py'

model = dict(cls_head=dict(num_layers=2))
