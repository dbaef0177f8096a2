"""Transforms for sound: spectrograms of a clip's views, and SpecAugment."""
import logging
import os
import random
from typing import Dict, List, Optional, Tuple, Union

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.logging import print_log

from mmaction.registry import TRANSFORMS

from ..utils import InputError
from .log_mel import BINS, HOP, count_rows, log_mel
from .sound_file import JITTER, SoundArray, SoundFile, file_of, resample


@TRANSFORMS.register_module()
class LoadSpectrogram(BaseTransform):
    """Reads the sound of a clip, once for all its views, and computes their log-mel spectrograms.

    A view hears ``num_rows`` rows of 10 ms of the sound: random ones in training, the middle ones in
    validation, and others for each view in testing, in the order of the views of ``EqualCrops``. If the sound
    is shorter, zeros follow it. A clip without sound has zeros only, and ``no_sound``; the log says how often
    this happens, and metrics count it. Silence is sound.

    Required keys: ``filename`` or ``sound``, the path of the file that is heard instead, or ``wave``, samples
    ``(n, )`` and their rate; those of a frame sampler, which precedes this transform; and, for a segment,
    ``start_time`` and ``stop_time`` in seconds.
    Added keys: ``audio``, spectrograms ``(views, 1, num_rows, 128)``; ``times`` ``(views, 2 + clip_len)``,
    start and end of what is heard and the time of each frame, in seconds from the start of the segment; and
    ``no_sound`` or ``damaged_sound``, if they apply.

    Args:
        num_rows: Number of rows of a spectrogram.
        num_crops: Number of crops of each clip in testing, as in ``EqualCrops``.
        test_mode: Whether to choose the same rows every time instead of random ones.
        rate: Samples a second to which the sound is resampled. None keeps the rate of the file, as CA2ST's
            program does, although AST was trained with 16000.
        template: Path of the sound files, with fields of the sample in braces, and ``{folder}`` and
            ``{stem}`` of its ``filename``: ``{folder}/{stem}.wav``, or ``EPIC_audio.hdf5/{video_id}``. With
            None, it is the sound of the video itself.

    Raises:
        InputError: If ``template`` does not fit, or a library is missing.
    """

    def __init__(self, num_rows: int = 1024, num_crops: int = 1, test_mode: bool = False,
                 rate: Optional[int] = 16000, template: Optional[str] = None) -> None:
        self.num_rows, self.num_crops, self.test_mode = num_rows, num_crops, test_mode
        self.rate, self.template = rate, template
        self.drawn = self.missing = 0

    def path(self, results: Dict) -> str:
        """Returns the path of the file that is heard; it is empty for an array of frames."""
        name = results.get('sound') or results.get('filename') or ''
        if self.template is None or 'sound' in results or not name:
            return name
        folder, stem = os.path.dirname(name), os.path.splitext(os.path.basename(name))[0]
        try:
            return self.template.format(**{**results, 'folder': folder, 'stem': stem})
        except (KeyError, IndexError, ValueError) as error:
            fields = sorted(key for key, value in results.items() if isinstance(value, str))
            raise InputError(f'template={self.template!r} does not fit {name} ({error!r}); name folder, stem '
                             f'or one of {fields} in it') from error

    def starts(self, spare: int, clips: int) -> List[int]:
        """Returns the first row of each view, if ``spare`` rows are not heard by a view."""
        crops = self.num_crops
        if not self.test_mode:
            shares = [random.random() for _ in range(clips)]
        elif clips * crops == 1:
            shares = [0.5]
        else:  # views are spread over the middle; crop after crop, as EqualCrops
            shares = [(crops * (k + 1) + s) / (crops * (clips + 2))
                      for s in range(crops) for k in range(clips)]
        return [spare - int(spare * (1 - share)) for share in shares]  # as CA2ST's program rounds

    def hear(self, results: Dict, clips: int) -> Tuple[np.ndarray, np.ndarray]:
        """Returns the views' spectrograms ``(views, num_rows, 128)``, and start and end ``(views, 2)``."""
        views = clips * (self.num_crops if self.test_mode else 1)
        spectrograms = np.zeros((views, self.num_rows, BINS), np.float32)
        nothing = spectrograms, np.tile([0, self.num_rows * HOP], (views, 1))
        path = self.path(results)
        if 'wave' in results:
            heard = self.listen(SoundArray(*results['wave']), results, clips)
        elif not path or not os.path.isfile(file_of(path)):
            return nothing
        else:
            with SoundFile(path) as sound:
                heard = self.listen(sound, results, clips)
                if sound.damaged:
                    results['damaged_sound'] = True
        if heard is None:
            return nothing
        rows, starts, seconds = heard
        for view, start in zip(spectrograms, starts):
            part = rows[start - min(starts):][:self.num_rows]
            view[:len(part)] = part
        return spectrograms, np.array([[start, start + self.num_rows] for start in starts]) * seconds

    def listen(self, sound: Union[SoundFile, SoundArray], results: Dict,
               clips: int) -> Optional[Tuple[np.ndarray, List[int], float]]:
        """Returns the rows that any view hears, the first row of each view, and the seconds of a row."""
        if sound.rate is None:
            return None
        begin, stop = results.get('start_time', 0.), results.get('stop_time', np.inf)
        rate = self.rate or sound.rate
        hop = int(HOP * rate) / rate
        if min(stop, sound.seconds) == np.inf:
            sound.read(begin)  # to its end, which the file does not tell
        while True:
            announced, end = sound.seconds, min(stop, sound.seconds)
            rows = count_rows(round((end - begin) * rate), rate)
            if rows < 1:
                return None
            starts = self.starts(max(rows - self.num_rows, 0), clips)
            first, last = min(starts), min(max(starts) + self.num_rows, rows)
            before = min(first, 2)  # rows that resampling needs before the first; it needs two behind, too
            wave = sound.read(begin + (first - before) * hop, min(begin + (last + 2) * hop, end))
            if end <= sound.seconds + JITTER:
                break
            sound.damaged |= np.inf > announced > sound.seconds + 0.5  # there is less than the file says
        heard = log_mel(resample(wave, sound.rate, rate), rate)[before:before + last - first]
        return heard, starts, (end - begin) / rows

    def transform(self, results: Dict) -> Dict:
        clips, clip_len = results['num_clips'], results['clip_len']
        spectrograms, spans = self.hear(results, clips)
        self.drawn += 1
        if not spectrograms.any():
            results['no_sound'] = True
            self.missing += 1
            if not self.missing & (self.missing - 1):  # the 1st, 2nd, 4th, 8th, ...
                print_log(f'{self.path(results) or "an array of frames"}: has no sound, and is heard as '
                          f'padding; {self.missing} of {self.drawn} clips of this data worker so far',
                          'current', logging.WARNING)
        inds = results['frame_inds'].reshape(clips, clip_len) - results.get('start_index', 0)
        frames = np.tile(inds / (results.get('avg_fps') or 30.), (len(spans) // clips, 1))
        results['audio'] = torch.from_numpy(spectrograms[:, None])
        results['times'] = torch.from_numpy(np.concatenate([spans, frames], 1).astype(np.float32))
        return results


@TRANSFORMS.register_module()
class SpecAugment(BaseTransform):
    """SpecAugment (https://arxiv.org/abs/1904.08779) without warping: masks over time and over frequency.

    Required and modified key: ``audio``, ``(views, 1, rows, 128)``. Each view has masks of its own.

    Args:
        time_masks, mel_masks: Number of masks.
        max_time, max_mel: Number of rows and of bands that a mask stays below.
        fill: Value in the masks. The default is the mean of AudioSet, which is 0 after normalisation.
    """

    def __init__(self, time_masks: int = 2, max_time: int = 70, mel_masks: int = 2, max_mel: int = 20,
                 fill: float = -4.2677393) -> None:
        self.masks, self.fill = [(-2, max_time)] * time_masks + [(-1, max_mel)] * mel_masks, fill

    def transform(self, results: Dict) -> Dict:
        for view in results['audio']:
            for dim, most in self.masks:
                size = min(int(random.uniform(0, most)), view.shape[dim])
                view.narrow(dim, random.randint(0, view.shape[dim] - size), size).fill_(self.fill)
        return results
