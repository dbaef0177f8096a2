"""Opening and decoding of videos: MMAction2's transforms with segments, other decoders and clear errors."""
import os
from io import BytesIO
from typing import Dict, List, Sequence, Union

import numpy as np
from mmengine.fileio import get

from mmaction.datasets.transforms import ArrayDecode, DecordDecode, DecordInit
from mmaction.registry import TRANSFORMS

from ..utils import InputError
from .frame_readers import PyAVReader, TorchCodecReader

try:
    from decord import DECORDError, VideoReader
except ImportError:  # it has no wheels for ARM
    DECORDError = RuntimeError

    class VideoReader:  # type: ignore[no-redef]
        def __init__(self, *args, **kwargs) -> None:
            raise InputError("decoder='decord' is not installed; pip install decord, or choose 'pyav'")

WAY_OUT = 'Replace or re-download it, or take its row out of the annotation file'
READERS = dict(decord=VideoReader, pyav=PyAVReader, torchcodec=TorchCodecReader)
BLACK = np.zeros((256, 256, 3), np.uint8)  # frame of a broken video that is scored as wrong


class VideoError(InputError, RuntimeError):
    """A video that is missing or cannot be opened or decoded; the message names it."""


# MMAction2's inferencer recognises the transforms to replace by `Init` and `Decode` in their names
@TRANSFORMS.register_module(name=['InitVideo', 'OpenVideo'])
class InitVideo(DecordInit):
    """``DecordInit`` that names the file if it fails, and that supports segments.

    A local file is read in place instead of being loaded into memory, as EPIC-KITCHENS' videos have several
    gigabytes. The former name, ``OpenVideo``, still works.

    Required keys: ``filename``, or ``array`` with the frames themselves; optionally ``start_time`` and
    ``stop_time`` in seconds, and ``broken``, which replaces a video that is known to be unreadable by one
    black frame. Added keys: ``video_reader``, ``avg_fps``, and, for samplers, ``total_frames`` and
    ``start_index`` of the segment, or of the whole video if there is no segment.

    Args:
        args: See MMAction2's ``DecordInit``.
        decoder: ``decord``, ``pyav`` or ``torchcodec``. docs/performance.md says when the others are faster.
        kwargs: See MMAction2's ``DecordInit``.

    Raises:
        InputError: If there is no such decoder, or it is not installed.
        VideoError: If the video is missing or cannot be read, or if the segment lies outside of it.
    """

    def __init__(self, *args, decoder: str = 'decord', **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if decoder not in READERS:
            raise InputError(f'decoder={decoder!r}: there is no such decoder; choose {" or ".join(READERS)}')
        self.decoder = decoder

    def _get_video_reader(self, filename: str) -> Union[VideoReader, PyAVReader]:
        source: Union[str, BytesIO] = filename
        if self.io_backend != 'disk':
            source = BytesIO(get(filename, backend_args=dict(backend=self.io_backend, **self.kwargs)))
        return READERS[self.decoder](source, num_threads=self.num_threads)

    def transform(self, results: Dict) -> Dict:
        if 'array' in results:
            return {**results, 'total_frames': len(results['array']), 'start_index': 0}
        filename = results['filename']
        if results.get('broken'):
            return {**results, 'video_reader': None, 'avg_fps': 1., 'total_frames': 1, 'start_index': 0}
        if self.io_backend == 'disk' and not os.path.isfile(filename):
            raise VideoError(f'{filename}: no such video; check data_prefix in the config against '
                             'data/README.md, or take its row out of the annotation file')
        try:
            results = super().transform(results)
        except (RuntimeError, DECORDError) as error:
            raise VideoError(f'{filename}: cannot be read as a video. {WAY_OUT}') from error
        if not results['total_frames']:
            raise VideoError(f'{filename}: has no frames. {WAY_OUT}')
        results.setdefault('start_index', 0)
        if 'start_time' in results:
            self.keep_segment(results)
        return results

    @staticmethod
    def keep_segment(results: Dict) -> None:
        """Restricts ``start_index`` and ``total_frames`` to the segment, which has at least one frame.

        At a constant frame rate, times are rounded to the nearest frame, as in the release. Otherwise, the
        segment contains the frames shown from its start until before its stop, as
        ``tools/data/epic_kitchens100/cut_segments.py`` cuts them.
        """
        fps, frames = results['avg_fps'], results['total_frames']
        limits = results['start_time'], results['stop_time']
        times = results['video_reader'].get_frame_timestamp(np.arange(frames))[:, 0]  # the first time is 0
        # constant: all frames are less than a frame away from equal steps; AVI may have no times
        if times.min() < -1 or np.abs(times - np.linspace(0, times[-1], frames)).max() * fps < 1:
            first, last = (round(limit * fps) for limit in limits)
        else:  # the times have single precision
            first, last = (int(np.searchsorted(times, t - 1e-6 - 1e-7 * t)) for t in limits)
        if first >= frames:
            raise VideoError(
                f'{results["filename"]}: has {frames} frames ({frames / fps:.2f} s), but the segment is '
                f'from {limits[0]:.2f} to {limits[1]:.2f} s. {WAY_OUT}')
        results['start_index'], results['total_frames'] = first, max(min(last, frames) - first, 1)


@TRANSFORMS.register_module()
class DecodeVideo(DecordDecode):
    """``DecordDecode`` that names the file if it fails, and decodes each frame once for all views.

    If there is an ``array``, the frames are taken from it, as MMAction2's ``ArrayDecode`` does. Every frame
    is a separate array, so that transforms may change it in place.

    Args:
        kwargs: See MMAction2's ``DecordDecode``.

    Raises:
        VideoError: If the frames cannot be decoded.
    """

    def _decord_load_frames(self, container: Union[VideoReader, PyAVReader, None],
                            frame_inds: np.ndarray) -> List[np.ndarray]:
        if container is None:
            return [BLACK.copy() for _ in frame_inds]
        unique, first, where = np.unique(frame_inds, return_index=True, return_inverse=True)
        if isinstance(container, PyAVReader):
            frames = container.read(unique)
        else:
            frames = super()._decord_load_frames(container, unique)
        return [frames[j] if i == first[j] else frames[j].copy() for i, j in enumerate(where)]

    def transform(self, results: Dict) -> Dict:
        if 'array' in results:
            results = ArrayDecode().transform(results)
            results['imgs'] = [img.copy() for img in results['imgs']]  # the array belongs to the caller
            return results
        try:
            return super().transform(results)
        except (RuntimeError, DECORDError, IndexError) as error:
            raise VideoError(f'{results["filename"]}: frames {results["frame_inds"].min()} to '
                             f'{results["frame_inds"].max()} cannot be decoded. {WAY_OUT}') from error


def opener(pipeline: Sequence[dict]) -> InitVideo:
    """Returns the transform by which a pipeline opens its videos; by default, it opens them by decord."""
    names = 'InitVideo', 'OpenVideo'
    return InitVideo(**next(({key: value for key, value in transform.items() if key != 'type'}
                             for transform in pipeline if transform['type'] in names), {}))
