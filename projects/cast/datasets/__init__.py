from .epic_kitchens import EpicKitchensDataset
from .label_map import read_label_map
from .transforms import CheckLabel, DecodeVideo, OpenVideo, VideoError

__all__ = [
    'CheckLabel', 'DecodeVideo', 'EpicKitchensDataset', 'OpenVideo', 'VideoError', 'read_label_map'
]
