"""Small files with sound, written by PyAV."""
from fractions import Fraction

import av
import numpy as np


def write_sound(path, channels, rate=16000, codec='pcm_s16le', layout='mono', sample_format='s16', pictures=0,
                fps=10, delay=0., size=64):
    """Writes ``channels`` ``(channels, n)`` in -1..1, and a number of grey pictures that get brighter.

    Args:
        path: File whose suffix is the container.
        delay: Seconds by which the sound begins later than the pictures.
    """
    with av.open(str(path), 'w') as file:
        if pictures:
            video = file.add_stream('mpeg4', rate=fps)
            video.width = video.height = size
            video.pix_fmt = 'yuv420p'
        if channels is not None:
            sound = file.add_stream(codec, rate=rate, layout=layout, format=sample_format)
        for i in range(pictures):
            picture = av.VideoFrame.from_ndarray(np.full((size, size, 3), 8 * i % 256, np.uint8))
            picture.pts, picture.time_base = i, Fraction(1, fps)
            file.mux(video.encode(picture))
        if pictures:
            file.mux(video.encode())
        if channels is None:
            return
        channels = np.atleast_2d(np.asarray(channels, np.float32))
        resampler = av.AudioResampler(format=sample_format, layout=layout, rate=rate)
        step = sound.frame_size or 1024
        for start in range(0, channels.shape[1], step):
            part = np.ascontiguousarray(channels[:, start:start + step])
            frame = av.AudioFrame.from_ndarray(part, format='fltp', layout=layout)
            frame.rate, frame.time_base = rate, Fraction(1, rate)
            frame.pts = start + round(delay * rate)
            for converted in resampler.resample(frame):
                file.mux(sound.encode(converted))
        file.mux(sound.encode())
