# Share of the channels that are mixed: 25 %.
# The paper's: 63.3 top-1.
_base_ = 'xvit_ssv2_8-frames.py'

model = dict(backbone=dict(mix_ratio=0.25))
