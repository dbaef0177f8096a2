"""Windows over a stream: the frames and sounds that belong to them, each read once."""
import tracemalloc

import numpy as np
import pytest
from conftest import write_frames

from projects.cast.datasets.media_stream import Frame, MediaStream, Sound
from projects.cast.datasets.windows import Windows
from projects.cast.utils import InputError

pytest.importorskip('av')


def frames(times):
    """Frames with their number as the picture."""
    return [Frame(time, np.full((1, 1, 3), i)) for i, time in enumerate(times)]


def numbers(window):
    return [int(image[0, 0, 0]) for image in window.images]


def test_frames_of_overlapping_windows_by_hand():
    stream = frames(np.arange(50) / 10)  # 5 s
    found = list(Windows(2., 1., np.array([0., 0.5, 1.9]), 10).of(stream))
    assert [(w.start, w.stop) for w in found] == [(0, 2), (1, 3), (2, 4), (3, 5), (4, 5)]
    assert [numbers(w) for w in found[:4]] == [[k, k + 5, k + 19] for k in (0, 10, 20, 30)]
    assert numbers(found[4]) == [40, 45, 49]  # half of a window is left; the last frame is repeated


@pytest.mark.parametrize('seconds, expected', [
    (0.3, [(0, 0.3)]), (2, [(0, 2), (1, 2)]), (2.9, [(0, 2), (1, 2.9)])])
def test_the_end_of_a_stream(seconds, expected):
    stream = frames(np.arange(round(seconds * 10)) / 10)
    found = list(Windows(2., 1., np.linspace(0, 1.9, 4), 10).of(stream))
    assert [(w.start, pytest.approx(w.stop)) for w in found] == expected
    assert all(len(w.images) == 4 for w in found)
    assert list(Windows(2., 1., np.zeros(1), 10).of([])) == []


def test_each_frame_is_prepared_once():
    seen = []

    def prepare(image):
        seen.append(int(image[0, 0, 0]))
        return image

    list(Windows(2., 0.5, np.linspace(0, 1.9, 20), 10, prepare=prepare).of(frames(np.arange(100) / 10)))
    assert seen == list(range(100))


def test_variable_frame_rates_show_a_frame_until_the_next():
    stream = frames([0, 0.1, 0.2, 0.6, 1.4, 2.0])
    found = list(Windows(1., 1., np.array([0., 0.25, 0.5, 0.75]), 10).of(stream))
    assert [numbers(w) for w in found] == [[0, 2, 2, 3], [3, 3, 4, 4]]


def test_sound_belongs_to_its_window_wherever_it_is_stored():
    rate = 100
    wave = np.arange(600, dtype=np.float32)
    stream = frames(np.arange(60) / 10)
    for k in range(0, 600, 30):  # half a second behind the pictures
        at = min(k // 10 + 5 + k // 30, len(stream))
        stream.insert(at, Sound(k / rate, wave[k:k + 30]))
    found = list(Windows(2., 1., np.array([0., 1.]), 10, rate).of(stream))
    for window in found:
        np.testing.assert_array_equal(window.wave, wave[round(window.start * rate):round(window.stop * rate)])
    hole = [Sound(0., wave[:100]), *frames(np.arange(21) / 10), Sound(1.5, wave[150:200])]
    window = next(Windows(2., 2., np.array([0.]), 10, rate).of(hole))
    assert not window.wave[100:150].any() and (window.wave[150:] == wave[150:200]).all()


def test_memory_does_not_grow_with_the_stream():
    def endless(count):
        for i in range(count):
            yield Frame(i / 25, np.zeros((32, 32, 3), np.uint8))
            if i % 25 == 0:
                yield Sound(i / 25, np.zeros(8000, np.float32))

    peaks = []
    for count in (500, 5000):
        tracemalloc.start()
        for _ in Windows(4., 1., np.linspace(0, 3.9, 16), 25, 8000).of(endless(count)):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_a_file_is_decoded_once_and_in_order(tmp_path):
    path = tmp_path / 'video.mp4'
    write_frames(path, 1.5 + np.arange(80) / 25)
    with MediaStream(str(path)) as stream:
        items = list(stream)
        assert stream.complete and stream.fps == pytest.approx(25) and stream.rate is None
    assert [item.time for item in items] == pytest.approx(np.arange(80) / 25)  # the first one at 0
    brightness = [item.image.mean() for item in items]
    np.testing.assert_allclose(brightness, 4. * (np.arange(80) % 64), atol=2)


@pytest.mark.parametrize('name, content', [('bad.mp4', b'no video' * 9), ('lost.mp4', None)])
def test_what_cannot_be_opened_is_named(tmp_path, name, content):
    if content:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=f'{name}: cannot be opened as a video'):
        MediaStream(str(tmp_path / name))
