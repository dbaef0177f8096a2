# Fine-tunes CAST on your own videos with labels of several tasks, by default verb and noun; docs/own_data.md
# explains it. The columns of the CSVs are named after the tasks, and hold class indices.
_base_ = 'cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ek100-rgb.py'
from projects.cast.engine import derive

dataset = dict(type='SegmentListDataset')
evaluator = dict(unseen_participants=None, tail_verbs=None, tail_nouns=None)

locals().update(derive(
    _base_,
    data_root='data/own/videos',
    ann_file_train='data/own/train.csv',
    ann_file_val='data/own/val.csv',
    label_map=dict(verb='data/own/verb_classes.txt', noun='data/own/noun_classes.txt'),
    num_classes=dict(verb=3, noun=3),
    max_epochs=20,
    warmup_epochs=2,
    batch_size=6,
    accumulative_counts=1,
    checkpoints=dict(
        spatial='checkpoints/ViT-B-16.pt', temporal='checkpoints/videomae_vit-base-p16_ssv2-pre.pth'),
    visualizer=dict(vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]),
    train_dataloader=dict(dataset=dataset),
    val_dataloader=dict(dataset=dataset),
    test_dataloader=dict(dataset=dataset),
    val_evaluator=evaluator,
    test_evaluator=evaluator,
    model=dict(data_preprocessor=dict(blending=None))))
