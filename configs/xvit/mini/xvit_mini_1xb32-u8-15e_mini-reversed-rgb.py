# X-ViT, small enough to train from scratch on a CPU, on mini kitchens whose verbs are pairs of reversals:
#   python tools/data/mini_kitchens/generate_reversed.py
#   python tools/train.py configs/xvit/mini/xvit_mini_1xb32-u8-15e_mini-reversed-rgb.py
# tools/mini_reversed.sh runs it and the configs that derive from it. docs/xvit.md has the accuracies.
_base_ = '../../cast/mini/cast_mini_1xb32-u8-15e_mini-kitchens-rgb.py'
from projects.cast.engine import derive

dataset = dict(video_template='{participant_id}/videos/{video_id}.avi')

locals().update(derive(
    _base_,
    data_root='data/mini_reversed',
    ann_file_train='data/mini_reversed/EPIC_100_train.csv',
    ann_file_val='data/mini_reversed/EPIC_100_validation.csv',
    label_map=dict(
        verb='data/mini_reversed/EPIC_100_verb_classes.csv',
        noun='data/mini_reversed/EPIC_100_noun_classes.csv'),
    # one view: the centres of the segments, which are the same frames in a clip and in its reversal
    test_pipeline=_base_.val_pipeline,
    train_dataloader=dict(dataset=dataset),
    val_dataloader=dict(dataset=dataset),
    test_dataloader=dict(dataset=dataset),
    model=dict(
        backbone=dict(
            _delete_=True,
            type='XViTExpert',
            model_kwargs=dict(embed_dim=64, depth=2, num_heads=4, weight_init='jax'),  # Xavier's
            img_size=64,
            num_frames=8,
            adapter_ratio=0,
            frozen=False),
        cls_head=dict(
            _delete_=True,
            type='XViTTaskHead',
            num_classes=_base_.num_classes,
            in_channels=64,
            num_heads=4)),
    train_cfg=dict(val_interval=15)))
