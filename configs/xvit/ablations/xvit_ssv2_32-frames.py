# Frames: 32. All of them exchange channels; the table over time has 8 entries, as for 16.
# The paper's: 65.4 top-1.
_base_ = 'xvit_ssv2_8-frames.py'
from projects.cast.engine import derive

locals().update(derive(
    _base_, clip_len=32, model=dict(backbone=dict(num_frames=32, segment=32))))
