# Aggregation over time: the mean of the frames, without temporal attention.
# The paper's: 61.6 top-1.
_base_ = 'xvit_ssv2_8-frames.py'

model = dict(cls_head=dict(num_layers=0))
