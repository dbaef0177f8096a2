# Attention over time: a summary token, with temporal averaging. On Kinetics-400.
# The paper's: 78.7 top-1.
_base_ = 'xvit_k400_averaging.py'

model = dict(backbone=dict(summary_token=True))
