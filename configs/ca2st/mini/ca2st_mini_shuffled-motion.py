# Control: motion is shuffled between the verbs of a pair. tools/mini_sound.sh tests the trained CA2ST on it.
_base_ = 'ca2st_mini_1xb32-u4-10e_mini-sound-rgb-audio.py'
from projects.cast.engine import derive

locals().update(derive(
    _base_,
    data_root='data/mini_sound_shuffled_motion',
    ann_file_train='data/mini_sound_shuffled_motion/EPIC_100_train.csv',
    ann_file_val='data/mini_sound_shuffled_motion/EPIC_100_validation.csv'))
