# EPIC-KITCHENS-100 with the sound of the untrimmed videos.
_base_ = '../../../cast/_base_/datasets/ek100.py'
from projects.cast.engine import with_sound

train_pipeline, val_pipeline, test_pipeline = with_sound(_base_, num_rows=400)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
