"""The same frames by decord, PyAV and torchcodec, whatever the file."""
import inspect
import os
import subprocess
import sys
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import ENV, ROOT, run, write_frames
from decord import VideoReader

from projects.cast.datasets import DecodeVideo, InitVideo, PyAVReader, VideoError, frame_readers
from projects.cast.datasets.frame_readers import TorchCodecReader
from projects.cast.utils import InputError

av = pytest.importorskip('av')
VIDEOS = ROOT.parent / 'shared/data/videos'
VARIABLE = np.cumsum([0.] + [0.02] * 40 + [0.2] * 19)
STEADY = np.arange(60) / 25
KEYS = dict(libx264={'g': '12'}, mpeg4={'g': '12'})


def loads_torchcodec(path):
    try:
        TorchCodecReader(str(path))
    except InputError:
        return False
    return True


@pytest.fixture(scope='module', params=['pyav', 'torchcodec'])
def reader(request, tmp_path_factory):
    """A reader; that of torchcodec runs only in the process that the last test here starts."""
    path = tmp_path_factory.mktemp('video') / 'video.mp4'
    write_frames(path, STEADY)
    if request.param == 'torchcodec' and not loads_torchcodec(path):
        pytest.skip('torchcodec or the libraries of FFmpeg that it needs are not installed')
    return dict(pyav=PyAVReader, torchcodec=TorchCodecReader)[request.param]


def write(path, codec, pix_fmt='yuv420p', size=(66, 50), rotation=0, count=50, **options):
    """A video of moving squares with sharp and coloured edges, of which no two frames are equal."""
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (40, 40, 3), np.uint8)
    y, x = np.mgrid[:size[1], :size[0]] // 8
    with av.open(str(path), 'w') as file:
        stream = file.add_stream(codec, rate=25, options={**KEYS.get(codec, {}), **options})
        (stream.width, stream.height), stream.pix_fmt = size, pix_fmt
        if rotation:
            stream.set_display_rotation(rotation)
        for i in range(count):
            frame = av.VideoFrame.from_ndarray(colours[(y + i) % 40, (x + 3 * i) % 40])
            frame = frame.reformat(format=pix_fmt)
            frame.pts, frame.time_base = i, Fraction(1, 25)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())


KINDS = dict(
    h264=('a.mp4', 'libx264'), odd=('a.mp4', 'libx264', 'yuv444p', (65, 49)),
    full_range=('a.mp4', 'libx264', 'yuvj420p'), mkv=('a.mkv', 'libx264'),
    vp9=('a.webm', 'libvpx-vp9', 'yuv420p', (128, 96)),
    mjpeg=('a.avi', 'mjpeg', 'yuvj420p'), turned=('a.mp4', 'libx264', 'yuv420p', (66, 50), 90),
    upside_down=('a.mp4', 'libx264', 'yuv420p', (66, 50), 180))


@pytest.mark.parametrize('kind', KINDS)
def test_frames_are_those_of_decord(reader, tmp_path, kind):
    name, *how = KINDS[kind]
    if kind == 'vp9':  # decord brings a libvpx of its own, with which PyAV cannot encode in this process
        run('-c', f'import av, numpy as np\nfrom fractions import Fraction\nKEYS = {{}}\n'
                  f'{inspect.getsource(write)}\nwrite({str(tmp_path / name)!r}, *{how!r})')
    else:
        write(tmp_path / name, *how)
    same_as_decord(reader, tmp_path / name)


def same_as_decord(reader, path):
    """All frames in order, and a few of them by new readers."""
    theirs = VideoReader(str(path))
    frames = theirs.get_batch(range(len(theirs))).asnumpy()
    ours = reader(str(path))
    assert len(ours) == len(frames) and ours.get_avg_fps() == pytest.approx(theirs.get_avg_fps())
    np.testing.assert_array_equal(ours.read(range(len(ours))), frames)
    rng = np.random.default_rng(0)
    for count in (1, 2, 8):
        chosen = np.sort(rng.choice(len(frames), count, replace=False))
        np.testing.assert_array_equal(reader(str(path)).read(chosen), frames[chosen])
        np.testing.assert_array_equal(ours.read(chosen), frames[chosen])  # and going back


@pytest.mark.parametrize('name', ['demo.mp4', 'demo_spatiotemporal_det.mp4', 'test_video_structuralize.mp4'])
def test_frames_of_real_videos(reader, name):
    if not VIDEOS.is_dir():
        pytest.skip('there are no real videos here')
    same_as_decord(reader, VIDEOS / name)


@pytest.mark.parametrize('suffix', ['.mp4', '.mkv'])
@pytest.mark.parametrize('first', [0, 7.5])
@pytest.mark.parametrize('times', [STEADY, VARIABLE], ids=['steady', 'variable'])
def test_times_are_those_of_decord(reader, tmp_path, suffix, first, times):
    path = tmp_path / f'video{suffix}'
    write_frames(path, times + first)
    theirs, ours = VideoReader(str(path)), reader(str(path))
    assert ours.constant == (times is STEADY and suffix == '.mp4')  # MKV has no index of all frames
    everything = np.arange(len(times))
    np.testing.assert_allclose(
        ours.get_frame_timestamp(everything)[:, 0], theirs.get_frame_timestamp(everything)[:, 0], atol=1e-5)
    same_as_decord(reader, path)
    decoder = 'torchcodec' if reader is TorchCodecReader else 'pyav'
    for start, stop in ((0.1, 0.5), (1., 2.), (0.79, 1.21), (0., 99.)):
        found = [InitVideo(decoder=d).transform(dict(filename=str(path), start_time=start, stop_time=stop))
                 for d in ('decord', decoder)]
        assert all(found[0][key] == found[1][key] for key in ('start_index', 'total_frames'))


def test_avi_without_times_is_counted_from_its_beginning(reader, tmp_path):
    """Its B frames are stored before those that they precede, and nothing tells when they are shown."""
    path = tmp_path / 'video.avi'
    write(path, 'mpeg4', bf='2')
    if reader is PyAVReader:
        same_as_decord(reader, path)
        assert reader(str(path)).get_frame_timestamp([10])[0] == pytest.approx([0.4, 0.44])
    else:
        with pytest.raises(RuntimeError, match="decoder='pyav' reads them"):
            reader(str(path))


def test_frames_before_an_edit_list_are_not_shown(reader, tmp_path):
    """Cut without encoding again: what is needed to decode the first frame is in the file, but hidden."""
    write(tmp_path / 'whole.mp4', 'libx264')
    with av.open(str(tmp_path / 'whole.mp4')) as source, av.open(str(tmp_path / 'cut.mp4'), 'w') as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream, step = stream, packet.duration
                packet.pts, packet.dts = packet.pts - 7 * step, packet.dts - 7 * step
                target.mux(packet)
    whole, cut = reader(str(tmp_path / 'whole.mp4')), reader(str(tmp_path / 'cut.mp4'))
    assert len(cut) == 43
    np.testing.assert_array_equal(cut.read(range(43)), whole.read(range(7, 50)))


def test_an_index_that_is_regular_only_where_it_was_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(frame_readers, 'SAMPLES', 2)
    times = np.arange(30.)
    times[10:20] += 0.4
    path = tmp_path / 'video.mp4'
    write_frames(path, times)
    reader = PyAVReader(str(path))
    assert reader.constant
    brightness = np.mean(reader.read([3, 12, 15, 25]), (1, 2, 3))
    np.testing.assert_allclose(brightness, 4. * np.array([3, 12, 15, 25]), atol=2)
    assert not reader.constant
    assert reader.get_frame_timestamp([12])[0, 0] == pytest.approx(12.4)


def test_transport_streams_which_decord_misreads(tmp_path):
    """It leaves the frames before the second key frame out; PyAV counts all of them."""
    path = tmp_path / 'video.ts'
    write_frames(path, STEADY)
    frames = PyAVReader(str(path)).read(range(60))
    np.testing.assert_allclose(np.mean(frames, (1, 2, 3)), 4. * np.arange(60), atol=2)
    for i in (0, 17, 40, 59):
        np.testing.assert_array_equal(PyAVReader(str(path)).read([i])[0], frames[i])


def test_transforms_take_any_decoder(tmp_path):
    path = tmp_path / 'video.mp4'
    write(path, 'libx264')
    inds = np.array([30, 5, 5, 12, 30])
    images = []
    for kwargs in (dict(), dict(decoder='pyav'), dict(decoder='pyav', num_threads=2)):
        opened = InitVideo(**kwargs).transform(dict(filename=str(path)))
        images.append(DecodeVideo().transform({**opened, 'frame_inds': inds})['imgs'])
    np.testing.assert_array_equal(images[0], images[1])
    np.testing.assert_array_equal(images[0], images[2])
    assert len({id(image) for image in images[1]}) == 5
    assert len(PyAVReader(BytesIO(path.read_bytes()))) == 50
    read = InitVideo(io_backend='local', decoder='pyav').transform(dict(filename=str(path)))['video_reader']
    np.testing.assert_array_equal(read.read([7]), PyAVReader(str(path)).read([7]))


def test_what_cannot_be_read(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="decoder='ffmpeg': .* choose decord or pyav or torchcodec"):
        InitVideo(decoder='ffmpeg')
    (tmp_path / 'bad.mp4').write_bytes(b'no video' * 50)
    with pytest.raises(VideoError, match='bad.mp4: cannot be read as a video'):
        InitVideo(decoder='pyav').transform(dict(filename=str(tmp_path / 'bad.mp4')))
    sound = tmp_path / 'sound.wav'
    with av.open(str(sound), 'w') as file:
        stream = file.add_stream('pcm_s16le', rate=8000, layout='mono')
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), 's16', 'mono')
        frame.sample_rate, frame.time_base = 8000, Fraction(1, 8000)
        file.mux(stream.encode(frame))
    with pytest.raises(VideoError, match='sound.wav: cannot be read as a video'):
        InitVideo(decoder='pyav').transform(dict(filename=str(sound)))
    whole = tmp_path / 'whole.mp4'
    write(whole, 'libx264', movflags='faststart')
    data = whole.read_bytes()
    (tmp_path / 'half.mp4').write_bytes(data[:len(data) // 2] + bytes(len(data) // 4))
    with pytest.raises(VideoError, match='half.mp4: (cannot be read|frames 40 to 49 cannot be decoded)'):
        opened = InitVideo(decoder='pyav').transform(dict(filename=str(tmp_path / 'half.mp4')))
        DecodeVideo().transform({**opened, 'frame_inds': np.arange(40, 50)})
    monkeypatch.setitem(sys.modules, 'av', None)
    with pytest.raises(InputError, match=r"decoder='pyav' .*needs av; run: pip install -e \"\.\[data\]\""):
        InitVideo(decoder='pyav').transform(dict(filename=str(whole)))


def test_without_decord(tmp_path):
    """It has no wheels for ARM; the other decoders do not need it."""
    write(tmp_path / 'video.mp4', 'libx264')
    script = tmp_path / 'script.py'
    script.write_text(f'''
import sys
sys.modules['decord'] = None
from projects.cast.datasets import InitVideo
print(InitVideo(decoder='pyav').transform(dict(filename={str(tmp_path / 'video.mp4')!r}))['total_frames'])
try:
    InitVideo().transform(dict(filename={str(tmp_path / 'video.mp4')!r}))
except Exception as error:  # whatever it is, the message is compared
    print(type(error).__name__, error)
''')
    printed = run(str(script))
    assert printed.splitlines()[-2:] == [
        '50', "InputError decoder='decord' is not installed; pip install decord, or choose 'pyav'"]


@pytest.fixture(scope='module')
def ffmpeg(tmp_path_factory):
    """Folder with PyAV's libraries of FFmpeg under the names by which torchcodec looks for them."""
    folder = tmp_path_factory.mktemp('ffmpeg')
    bundled = Path(av.__file__).parents[1] / 'av.libs'
    for file in bundled.glob('lib*.so*'):
        name, _, version = file.name.partition('.so.')
        (folder / f'{name.rpartition("-")[0]}.so.{version.partition(".")[0]}').symlink_to(file)
    return f'{folder}{os.pathsep}{bundled}'


def test_torchcodec(ffmpeg):
    """The tests above, in a process that finds these libraries."""
    pytest.importorskip('torchcodec')
    code = 'import torchcodec.decoders as d; d.VideoDecoder("none.mp4")'
    probe = subprocess.run([sys.executable, '-c', code], env={**ENV, 'LD_LIBRARY_PATH': ffmpeg}, text=True,
                           capture_output=True)
    if 'libtorchcodec' in probe.stderr:
        pytest.skip('the installed torchcodec belongs to another torch or FFmpeg')
    printed = run('-m', 'pytest', '-rs', '-p', 'no:cacheprovider', '-k', 'torchcodec and not test_torchcodec',
                  __file__, LD_LIBRARY_PATH=ffmpeg)
    assert ' passed' in printed and 'are not installed' not in printed


def test_a_rate_that_is_not_announced_is_that_of_the_times(tmp_path):
    """As in what browsers record."""
    write_frames(tmp_path / 'video.mkv', np.arange(25) / 20)
    reader = PyAVReader(str(tmp_path / 'video.mkv'))
    reader.stream = SimpleNamespace(average_rate=None, time_base=reader.stream.time_base)
    assert reader.get_avg_fps() == pytest.approx(20)
    assert reader.get_frame_timestamp([24])[0] == pytest.approx([1.2, 1.25])
