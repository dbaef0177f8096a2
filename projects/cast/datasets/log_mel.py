"""The log-mel spectrograms that AST was trained with."""
import warnings
from functools import lru_cache
from typing import Any

import numpy as np

from .sound_file import audio_library

BINS = 128
FRAME, HOP = 0.025, 0.010  # seconds
FLOOR = 1.192092955078125e-07  # of the power, which is also that of silence: its logarithm is -15.94


@lru_cache(None)
def filters(rate: int, size: int) -> np.ndarray:
    """Returns Kaldi's triangles from 20 Hz to half the rate, ``(size // 2 + 1, 128)``."""
    audio: Any = audio_library('transformers.audio_utils')
    with warnings.catch_warnings():  # at 16 kHz, one triangle is empty, in Kaldi as well
        warnings.filterwarnings('ignore', 'At least one mel filter')
        return audio.mel_filter_bank(size // 2 + 1, BINS, 20, rate / 2, rate, mel_scale='kaldi',
                                     triangularize_in_mel_space=True)


def count_rows(samples: int, rate: int) -> int:
    """Returns the number of rows of so many samples: whole frames of 25 ms, every 10 ms."""
    return max(1 + (samples - int(FRAME * rate)) // int(HOP * rate), 0)


def log_mel(wave: np.ndarray, rate: int) -> np.ndarray:
    """Computes the log-mel spectrogram of Kaldi, as AST (https://arxiv.org/abs/2104.01778) reads it.

    It is computed by ``transformers`` in numpy, which agrees with Kaldi's equations in double precision to
    2.4e-4; Kaldi's own single precision differs by up to 0.01 in nearly empty bands.

    Args:
        wave: Samples ``(n, )`` in -1..1.
        rate: Samples a second. AST was trained at 16000.

    Returns:
        Natural logarithms of the power in each band, ``(rows, 128)``, float32.
    """
    frame = int(FRAME * rate)
    size = 1 << (frame - 1).bit_length()
    if len(wave) < frame:
        return np.zeros((0, BINS), np.float32)
    audio: Any = audio_library('transformers.audio_utils')
    window = audio.window_function(frame, 'hann', periodic=False)
    return audio.spectrogram(
        wave - wave.mean(), window, frame, int(HOP * rate), size, power=2., center=False, preemphasis=0.97,
        mel_filters=filters(rate, size), log_mel='log', mel_floor=FLOOR, remove_dc_offset=True).T
