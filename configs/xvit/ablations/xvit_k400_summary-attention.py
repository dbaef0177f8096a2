# Attention over time: a summary token, and temporal attention. On Kinetics-400.
# The paper's: 78.0 top-1.
_base_ = 'xvit_k400_8-frames.py'

model = dict(backbone=dict(summary_token=True))
