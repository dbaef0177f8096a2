# Nothing tells the order but a temporal transformer, which has no positions of its own.
_base_ = 'xvit_mini_1xb32-u8-15e_mini-reversed-rgb.py'

model = dict(backbone=dict(mix=(), time_entries=1))
