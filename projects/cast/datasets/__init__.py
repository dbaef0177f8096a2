from .annotations import read_annotations
from .augment import ClipRandAugment, ClipRandomErasing
from .crops import EqualCrops
from .epic_kitchens import EpicKitchensDataset
from .fault_tolerant import FaultTolerant
from .label_map import read_label_map
from .sampling import DenseClips, UniformClips, XViTClips
from .transforms import DecodeVideo, InitVideo, VideoError
from .video_list import VideoListDataset

__all__ = [
    'ClipRandAugment', 'ClipRandomErasing', 'DecodeVideo', 'DenseClips', 'EpicKitchensDataset', 'EqualCrops',
    'FaultTolerant', 'InitVideo', 'UniformClips', 'VideoError', 'VideoListDataset',
    'XViTClips', 'read_annotations', 'read_label_map'
]
