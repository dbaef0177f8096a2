# Blocks that mix: the second half. Temporal averaging.
# The paper's: 60.6 top-1.
_base_ = 'xvit_ssv2_averaging.py'

model = dict(backbone=dict(mix_blocks=list(range(6, 12))))
