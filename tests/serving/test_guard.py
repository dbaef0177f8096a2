"""Files of strangers are decoded as ours, in processes whose end is always known."""
import copy
import json
import os
import signal
import struct
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import children, randomised, write_frames
from mmengine import Config
from mmengine.dataset import Compose, pseudo_collate
from sounds import write_sound

from mmaction.apis import inference_recognizer
from projects.cast.datasets import MediaStream, WindowReader
from projects.cast.engine.with_sound import add_sound
from projects.cast.serving import Guard, Limits, Stopped, VideoRefused
from projects.cast.serving.messages import HEADER, BrokenMessage, receive, send
from projects.cast.utils import InputError

pytest.importorskip('av')
from projects.cast.serving.probe import container_of  # noqa: E402


@pytest.fixture(scope='module')
def guard(config):
    with Guard(config) as guard:
        yield guard


@pytest.fixture(autouse=True)
def nothing_is_left(guard):
    files = len(os.listdir('/proc/self/fd'))
    yield
    assert not guard.process or not children(guard.process.pid)
    assert len(os.listdir('/proc/self/fd')) <= files + 1  # the control socket of a guard that was restarted


def refused(call, *args):
    """Kind and message of a refusal."""
    with pytest.raises(VideoRefused) as error:
        [*(call(*args) or ())]
    assert '\n' not in str(error.value) and '/' not in str(error.value)
    return error.value.kind, str(error.value)


def test_clips_are_what_inference_recognizer_reads(guard, config, mini_root, tmp_path):
    model = randomised(config.model)
    model.cfg = config
    video = mini_root / 'P01/videos/P01_01.mp4'
    unnamed = tmp_path / 'upload'  # as the server stores it
    unnamed.write_bytes(video.read_bytes())
    expected = inference_recognizer(model, str(video)).pred_score
    found = model.test_step(pseudo_collate([guard.clip(unnamed)]))[0].pred_score
    assert all(torch.equal(found[task], expected[task]) for task in ('verb', 'noun'))


def test_windows_are_what_the_timeline_reads(guard, config, mini_root):
    video = str(mini_root / 'P01/videos/P01_01.mp4')
    reader = WindowReader(config.val_dataloader.dataset.pipeline, 1., 0.5)
    found, expected = list(guard.windows(video, 1., 0.5)), list(reader(reader.open(video)))
    assert len(found) == len(expected) > 5
    for (start, stop, sample), (*times, wanted) in zip(found, expected):
        assert [start, stop] == times and torch.equal(sample['inputs'], wanted['inputs'])


def test_sound_is_that_of_the_upload(config, tmp_path):
    heard, silent = tmp_path / 'heard.mkv', tmp_path / 'silent.mkv'
    write_sound(heard, np.random.default_rng(0).uniform(-0.5, 0.5, 3 * 16000), pictures=30)
    write_sound(silent, None, pictures=30)
    for views in ('test', 'val'):
        pipeline = add_sound(config[f'{views}_pipeline'], 80, (), {}, 1)
        config = Config({**config._cfg_dict, f'{views}_dataloader': dict(dataset=dict(pipeline=pipeline)),
                         f'{views}_pipeline': pipeline})
    given = dict(filename=str(heard), label=-1, start_index=0, modality='RGB')
    expected = Compose(config.test_pipeline)(given)
    with Guard(config) as guard:
        sample = guard.clip(heard)
        assert sample['inputs'].keys() == expected['inputs'].keys() > {'imgs', 'audio'}
        assert all(torch.equal(sample['inputs'][key], value) for key, value in expected['inputs'].items())
        assert not sample['data_samples'].get('no_sound') and guard.clip(silent)['data_samples'].no_sound
        assert any(window['inputs']['audio'].any() for *_, window in guard.windows(heard, 1, 1))


def test_impossible_windows_are_the_callers_fault(guard, mini_root):
    with pytest.raises(InputError, match='must be positive') as error:
        next(guard.windows(mini_root / 'P01/videos/P01_01.mp4', 0, 1))
    assert not isinstance(error.value, VideoRefused)


@pytest.mark.parametrize('change, says', [
    (lambda cfg: cfg.pop('val_dataloader'), 'has no val_dataloader, whose pipeline reads the videos'),
    (lambda cfg: cfg.val_dataloader.dataset.pipeline.pop(1), 'windows need a pipeline with one sampler')])
def test_a_config_that_cannot_read_windows(config, mini_root, change, says):
    config, video = Config(copy.deepcopy(config._cfg_dict)), mini_root / 'P01/videos/P01_01.mp4'
    change(config)
    with Guard(config) as guard:
        with pytest.raises(InputError, match=says) as error:
            next(guard.windows(video, 1., 1.))
        assert not isinstance(error.value, VideoRefused) and says in guard.no_windows
        assert guard.clip(video)['inputs'].shape[0] == 2


def test_without_pyav(config, monkeypatch):
    monkeypatch.setitem(sys.modules, 'av', None)
    with pytest.raises(InputError, match=r'decoding uploads needs av; run: pip install -e "\.\[serve\]"'):
        Guard(config)


def test_a_request_builds_no_pipeline(guard, monkeypatch, mini_root):
    monkeypatch.setattr('projects.cast.datasets.window_reader.TRANSFORMS', None)  # in this process
    assert len(list(guard.windows(mini_root / 'P01/videos/P01_01.mp4', 1., 1.))) > 1


def test_previews_play_in_browsers(guard, mini_root, tmp_path):
    guard.preview(mini_root / 'P01/videos/P01_01.mp4', tmp_path / 'preview.mp4')
    with MediaStream(str(tmp_path / 'preview.mp4')) as stream:
        assert stream.video.codec_context.name == 'h264' and sum(1 for _ in stream) > 20
        assert stream.container.format.name.startswith('mov')


@pytest.mark.parametrize('limits, kind, says', [
    (dict(bytes=1000), 'too large', 'the limit is 1000'),
    (dict(pixels=64 * 47), 'too large', '64 x 48 pixels'),
    (dict(fps=9.), 'too large', '10.3093 frames a second'),
    (dict(seconds=1.9), 'too long', 'the limit is 1.9 s'),
    (dict(wall=0.001), 'timed out', 'longer than 0.001 s'),
    (dict(memory=2**20), 'out of memory', '1 MiB'),
    (dict(output=100), 'unreadable', 'crashed')], ids=lambda value: next(iter(value), 0))
def test_limits(guard, monkeypatch, tmp_path, limits, kind, says):
    monkeypatch.setattr(guard, 'limits', replace(Limits(), **limits))
    write_frames(tmp_path / 'video.mp4', np.arange(20) / 10)
    found, message = refused(guard.clip, tmp_path / 'video.mp4')
    assert found == kind and says in message, message


def test_what_the_header_does_not_tell(guard, monkeypatch, tmp_path):
    write_frames(tmp_path / 'video.mkv', np.arange(300) / 10)
    data = bytearray((tmp_path / 'video.mkv').read_bytes())
    at = data.index(b'\x44\x89\x88') + 3  # the length in the header
    data[at:at + 8] = struct.pack('>d', 2000.)
    (tmp_path / 'video.mkv').write_bytes(data)
    monkeypatch.setattr(guard, 'limits', Limits(seconds=10.))
    assert refused(guard.windows, tmp_path / 'video.mkv', 1, 1)[0] == 'too long'
    assert refused(guard.preview, tmp_path / 'video.mkv', tmp_path / 'preview.mp4')[0] == 'too long'


def test_how_processes_end(guard):
    status = os.spawnv(os.P_WAIT, '/bin/sh', ['sh', '-c', 'ulimit -t 1; while :; do :; done'])
    assert guard.reason(-status).kind == ('timed out' if -status == signal.SIGXCPU else 'out of memory')
    assert guard.reason(signal.SIGSEGV).kind == guard.reason(256).kind == 'unreadable'


def test_computing_without_end(guard, monkeypatch, tmp_path):
    write_frames(tmp_path / 'video.mp4', np.arange(400) / 25, (1280, 720), preset='ultrafast')
    monkeypatch.setattr(guard, 'limits', Limits(cpu=1.))
    assert refused(guard.preview, tmp_path / 'video.mp4', tmp_path / 'preview.mp4') == (
        'timed out', 'decoding the video takes more than 1 s of computing')


def test_a_process_that_waits_after_its_answer_is_killed(guard, monkeypatch, mini_root):
    monkeypatch.setattr('projects.cast.serving.guard.END', 0.)
    for _ in range(3):
        assert guard.clip(mini_root / 'P01/videos/P01_01.mp4')['inputs'].shape[0] == 2


@pytest.mark.parametrize('content', [
    b'', b'\0' * 5000, b'#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n', b"ffconcat version 1.0\nfile 'x'\n",
    b'GARBAGE' + b'G' * 2000, b'G' + b' ' * 187 + b'G<MPD dash:profile:isoff-live:2011>' + b' ' * 2000,
    b'\0\0\0\x20ftypisom' + b'\0' * 500, b'\x1a\x45\xdf\xa3' + b'\xff' * 3000,
    b'RIFF\0\0\0\0AVI LIST' + b'\1' * 900],
    ids=range(9))
def test_what_is_no_video(guard, tmp_path, content):
    (tmp_path / 'video.mp4').write_bytes(content)
    for call, *more in ((guard.clip, ), (guard.windows, 1, 1), (guard.preview, tmp_path / 'preview.mp4')):
        assert refused(call, tmp_path / 'video.mp4', *more)[0] == 'unreadable'


def test_real_containers_are_known(tmp_path):
    for suffix, name in dict(mp4='mov', mov='mov', mkv='matroska', avi='avi', ts='mpegts', flv='flv').items():
        write_frames(tmp_path / f'video.{suffix}', np.arange(20) / 10)
        assert container_of((tmp_path / f'video.{suffix}').read_bytes()[:400]) == name


def test_an_abandoned_call_ends_its_process(guard, mini_root):
    windows = guard.windows(mini_root / 'P01/videos/P01_01.mp4', 1., 0.1)
    next(windows)
    assert len(children(guard.process.pid)) == 1
    windows.close()  # and the fixture sees that nothing is left


def test_a_call_that_is_stopped(guard, tmp_path):
    """Its process has ended, as the fixture sees, long before it would."""
    write_frames(tmp_path / 'video.mp4', np.arange(600) / 25, (1280, 720), preset='ultrafast')
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    with pytest.raises(Stopped):
        guard.preview(tmp_path / 'video.mp4', tmp_path / 'preview.mp4', stop)
    for call in (guard.clip, lambda path, stop: [*guard.windows(path, 1., 1., stop)]):
        with pytest.raises(Stopped):
            call(tmp_path / 'video.mp4', stop=stop)


def test_the_process_that_forks_is_started_again(guard, mini_root):
    os.kill(guard.process.pid, signal.SIGKILL)
    guard.process.wait()
    assert guard.clip(mini_root / 'P01/videos/P01_01.mp4')['inputs'].shape[0] == 2


def test_messages_are_not_trusted():
    def got(data):
        out, into = os.pipe()
        os.write(into, data)
        os.close(into)
        try:
            return receive(out, 5., 1000)
        finally:
            os.close(out)

    out, into = os.pipe()
    send(into, dict(a=1), dict(x=torch.arange(3)))
    note, tensors = receive(out, 5., 1000)
    assert note == dict(a=1) and tensors['x'].tolist() == [0, 1, 2]
    with pytest.raises(TimeoutError):
        receive(out, 0.01, 1000)
    for fd in (out, into):
        os.close(fd)
    note = json.dumps([1]).encode()
    wrong = [HEADER.pack(2, 2**40), HEADER.pack(2**40, 2), HEADER.pack(2, 8) + b'{}' + b'\xff' * 8,
             HEADER.pack(3, 10) + note + struct.pack('<Q', 2) + b'{}',
             HEADER.pack(2, 4) + b'{}' + b'abcd',
             HEADER.pack(4, 10) + b'\x80\x04\x95.' + struct.pack('<Q', 2) + b'{}']
    for data in wrong:
        with pytest.raises(BrokenMessage):
            got(data)
    with pytest.raises(EOFError):
        got(HEADER.pack(50, 8) + b'{}')
