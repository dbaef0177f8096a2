# Attention over time: a summary token, with temporal averaging.
# The paper's: 62.9 top-1.
_base_ = 'xvit_ssv2_averaging.py'

model = dict(backbone=dict(summary_token=True))
