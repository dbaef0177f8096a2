# Like adamw_50e.py, but with 70 epochs and a total batch of 16 GPUs x 6 clips x 6 accumulated = 576, to
# which the learning rate is scaled.
_base_ = 'adamw_50e.py'
from projects.cast.engine import derive

locals().update(derive(_base_, max_epochs=70, accumulative_counts=6))
