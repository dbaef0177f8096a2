# Share of the channels that are mixed: 100 %.
# The paper's: 60.7 top-1.
_base_ = 'xvit_ssv2_8-frames.py'

model = dict(backbone=dict(mix_ratio=1.))
