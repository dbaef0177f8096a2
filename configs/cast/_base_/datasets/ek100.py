# EPIC-KITCHENS-100 as untrimmed videos with the official annotations; data/README.md names the sources.
_base_ = 'video.py'

# For trimmed clips, set `ann_file_*` to a list of narration_id,verb,noun and `data_root` to their folder.
dataset_type = 'EpicKitchensDataset'
data_root = data_root_val = 'data/ek100'
ann_file_train = 'data/ek100/annotations/EPIC_100_train.csv'
ann_file_val = ann_file_test = 'data/ek100/annotations/EPIC_100_validation.csv'
label_map = dict(verb='ek100_verb', noun='ek100_noun')

pack = dict(
    type='PackActionInputs',
    meta_keys=('img_shape', 'filename', 'narration_id'),
    algorithm_keys=('gt_label', ))  # a dict of labels by task
train_pipeline = [*_base_.train_pipeline[:-1], pack]
val_pipeline = [*_base_.val_pipeline[:-1], pack]
test_pipeline = [*_base_.test_pipeline[:-1], pack]

videos = dict(type=dataset_type, data_prefix=dict(video=data_root))
train_dataloader = dict(dataset=dict(ann_file=ann_file_train, pipeline=train_pipeline, **videos))
val_dataloader = dict(dataset=dict(ann_file=ann_file_val, pipeline=val_pipeline, **videos))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, pipeline=test_pipeline, **videos))

val_evaluator = test_evaluator = dict(
    type='VerbNounMetric',
    unseen_participants='data/ek100/annotations/EPIC_100_unseen_participant_ids_validation.csv',
    tail_verbs='data/ek100/annotations/EPIC_100_tail_verbs.csv',
    tail_nouns='data/ek100/annotations/EPIC_100_tail_nouns.csv')
