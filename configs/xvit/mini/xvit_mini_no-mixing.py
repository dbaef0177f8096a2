# Nothing is mixed, but the table over time and the temporal transformer still tell the order.
_base_ = 'xvit_mini_1xb32-u8-15e_mini-reversed-rgb.py'

model = dict(backbone=dict(mix=()))
