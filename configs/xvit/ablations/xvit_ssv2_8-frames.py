# Frames: 8, tested with 1 clip x 3 crops. The rows of the other axes inherit it.
# The paper's: 63.4 top-1.
_base_ = '../xvit_vit-base-p16_in21k_8xb8-u16x2-35e_ssv2-rgb.py'
from projects.cast.engine import derive

locals().update(derive(
    _base_,
    clip_len=8,
    test_pipeline=[dict(t, num_clips=1) if t.type == 'XViTClips' else t for t in _base_.test_pipeline],
    model=dict(backbone=dict(num_frames=8))))
