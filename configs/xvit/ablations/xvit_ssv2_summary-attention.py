# Attention over time: a summary token, and temporal attention.
# The paper's: 62.5 top-1.
_base_ = 'xvit_ssv2_8-frames.py'

model = dict(backbone=dict(summary_token=True))
