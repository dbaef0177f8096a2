from .annotations import read_annotations
from .augment import ClipRandAugment, ClipRandomErasing
from .crops import EqualCrops
from .epic_kitchens import EpicKitchensDataset
from .epic_sounds import EpicSoundsDataset
from .fault_tolerant import FaultTolerant
from .frame_readers import PyAVReader
from .label_map import Names, read_label_map, read_names
from .log_mel import log_mel
from .media_stream import Frame, MediaStream, Sound
from .pipelines import pipeline_of
from .sampling import DenseClips, FrameSampler, UniformClips, XViTClips
from .segment_list import SegmentListDataset
from .sound_file import SoundFile, has_sound
from .spectrogram import LoadSpectrogram, SpecAugment
from .transforms import DecodeVideo, InitVideo, VideoError, opener
from .video_list import VideoListDataset
from .window_reader import WindowReader, check_window

__all__ = [
    'ClipRandAugment', 'ClipRandomErasing', 'DecodeVideo', 'DenseClips', 'EpicKitchensDataset',
    'EpicSoundsDataset', 'EqualCrops', 'FaultTolerant', 'Frame', 'FrameSampler', 'InitVideo',
    'LoadSpectrogram', 'MediaStream', 'Names', 'PyAVReader', 'SegmentListDataset', 'Sound', 'SoundFile',
    'SpecAugment', 'UniformClips', 'VideoError', 'VideoListDataset', 'WindowReader', 'XViTClips', 'has_sound',
    'check_window', 'log_mel', 'opener', 'pipeline_of', 'read_annotations', 'read_label_map', 'read_names'
]
