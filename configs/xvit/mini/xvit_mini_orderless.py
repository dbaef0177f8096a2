# No mixing, no table over time, no temporal transformer: the order of the frames cannot be seen.
_base_ = 'xvit_mini_1xb32-u8-15e_mini-reversed-rgb.py'

model = dict(backbone=dict(mix=(), time_entries=1), cls_head=dict(num_layers=0))
