# Attention over time: none, temporal averaging. On Kinetics-400.
# The paper's: 77.8 top-1.
_base_ = 'xvit_k400_8-frames.py'

model = dict(cls_head=dict(num_layers=0))
