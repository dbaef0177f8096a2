# The small CAST on mini kitchens whose actions last 4 to 8 seconds, of which it sees two at a time:
#   python tools/data/mini_kitchens/generate_long.py
#   python tools/train.py configs/cast/mini/cast_mini_1xb32-8x3-15e_mini-long-rgb.py
# tools/mini_long.sh also compares its accuracy on trimmed actions with that of each second of whole videos.
_base_ = 'cast_mini_1xb32-u8-15e_mini-kitchens-rgb.py'
from projects.cast.engine import derive

dense = dict(type='DenseClips', frame_interval=3)  # a window of 24 frames

locals().update(derive(
    _base_,
    data_root='data/mini_long',
    ann_file_train='data/mini_long/EPIC_100_train.csv',
    ann_file_val='data/mini_long/EPIC_100_validation.csv',
    label_map=dict(
        verb='data/mini_long/EPIC_100_verb_classes.csv',
        noun='data/mini_long/EPIC_100_noun_classes.csv'),
    **{f'{split}_pipeline': [
        dict(transform, **dense) if transform.type == 'UniformClips' else transform
        for transform in _base_[f'{split}_pipeline']] for split in ('train', 'val', 'test')}))
