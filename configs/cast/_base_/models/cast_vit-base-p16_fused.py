_base_ = 'cast_vit-base-p16.py'

model = dict(  # num_classes depends on the data set
    cls_head=dict(type='FusedHead', in_channels=768, label_smooth_eps=0.1, average_clips='prob'))
