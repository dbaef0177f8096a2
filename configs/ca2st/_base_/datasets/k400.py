# Kinetics-400 with sound: the lists of CAST, and two clips in testing instead of its five.
_base_ = '../../../cast/_base_/datasets/k400.py'
from projects.cast.engine import with_sound

train_pipeline, val_pipeline, test_pipeline = with_sound(_base_, num_rows=1024)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
