# EPIC-SOUNDS: annotated sounds in the untrimmed videos of EPIC-KITCHENS-100.
_base_ = '../../../cast/_base_/datasets/video.py'
from projects.cast.engine import with_sound

dataset_type = 'EpicSoundsDataset'
data_root = data_root_val = 'data/ek100'
ann_file_train = 'data/epic_sounds/EPIC_Sounds_train.csv'
ann_file_val = ann_file_test = 'data/epic_sounds/EPIC_Sounds_validation.csv'
num_classes = 44
label_map = ann_file_train  # the names are in its columns class_id and class

train_pipeline, val_pipeline, test_pipeline = with_sound(
    _base_, num_rows=400, meta_keys=['annotation_id'])
videos = dict(type=dataset_type, num_classes=num_classes, data_prefix=dict(video=data_root))
train_dataloader = dict(dataset=dict(ann_file=ann_file_train, pipeline=train_pipeline, **videos))
val_dataloader = dict(dataset=dict(ann_file=ann_file_val, pipeline=val_pipeline, **videos))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, pipeline=test_pipeline, **videos))

val_evaluator = test_evaluator = dict(type='SoundEventMetric')
