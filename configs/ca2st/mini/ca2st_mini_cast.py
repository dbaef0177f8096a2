# CAST, which sees and does not hear.
_base_ = '../../cast/mini/cast_mini_1xb32-u8-15e_mini-kitchens-rgb.py'
from projects.cast.engine import derive

locals().update(derive(
    _base_,
    data_root='data/mini_sound',
    ann_file_train='data/mini_sound/EPIC_100_train.csv',
    ann_file_val='data/mini_sound/EPIC_100_validation.csv',
    label_map=dict(
        verb='data/mini_sound/EPIC_100_verb_classes.csv',
        noun='data/mini_sound/EPIC_100_noun_classes.csv'),
    num_classes=dict(verb=8, noun=6),
    clip_len=4,
    max_epochs=10,
    warmup_epochs=1,
    test_pipeline=_base_.val_pipeline,  # one view
    model=dict(
        backbone=dict(experts=dict(spatial=dict(num_frames=4), temporal=dict(num_frames=4)))),
    optim_wrapper=dict(optimizer=dict(lr=3e-3)),
    train_cfg=dict(val_interval=10),
    default_hooks=dict(checkpoint=dict(interval=10))))
