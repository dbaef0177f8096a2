# Frames: 8, on EPIC-KITCHENS-100.
# The paper's: 66.7 verb, 53.3 noun, 41.5 action top-1.
_base_ = '../xvit_vit-base-p16_in21k_8xb8-u16x1-50e_ek100-rgb.py'
from projects.cast.engine import derive

locals().update(derive(_base_, clip_len=8, model=dict(backbone=dict(num_frames=8))))
