# Only the table over time tells the order: nothing is mixed, and the frames are averaged.
_base_ = 'xvit_mini_1xb32-u8-15e_mini-reversed-rgb.py'

model = dict(backbone=dict(mix=()), cls_head=dict(num_layers=0))
