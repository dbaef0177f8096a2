"""timeline.py as users start it, and what it writes."""
import csv
import json
import re
import shutil
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch
from conftest import MINI, ROOT, mini_options, mini_runner, run, write_frames
from decord import VideoReader
from sounds import write_sound

from projects.cast.apis import Scores
from projects.cast.datasets import Frame, MediaStream, Sound
from projects.cast.serving import encode

sys.path.insert(0, str(ROOT / 'tools'))
import _timeline_files as files  # noqa: E402
import _timeline_page as page  # noqa: E402

OPTIONS = {'model.backbone.experts.spatial.depth': 1, 'model.backbone.experts.temporal.depth': 1}


@pytest.fixture(scope='module')
def checkpoint(mini_root, tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('trained')
    mini_runner(mini_root, work_dir, **OPTIONS, **{'default_hooks.checkpoint.interval': 1}).train()
    return work_dir / 'epoch_1.pth'


def timeline(root, checkpoint, source, out, *more, **kwargs):
    names = [root / f'EPIC_100_{task}_classes.csv' for task in ('verb', 'noun')]
    return run('tools/timeline.py', source, MINI, checkpoint, '--out', out, '--label-map', *names, *more,
               '--cfg-options', *mini_options(root, **OPTIONS), **kwargs)


def read_csv(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_a_video_becomes_tables_a_picture_and_a_page(mini_root, checkpoint, tmp_path):
    video = mini_root / 'P01/videos/P01_01.mp4'
    length = len(VideoReader(str(video))) / 12
    timeline(mini_root, checkpoint, video, tmp_path, '--window', 1, '--stride', 0.5)
    windows = read_csv(tmp_path / 'windows.csv')
    assert [float(row['start']) for row in windows] == pytest.approx(np.arange(len(windows)) / 2)
    assert float(windows[-1]['stop']) == pytest.approx(length, abs=0.01)
    result = json.loads((tmp_path / 'timeline.json').read_text())
    assert len(result['seconds']) == int(np.ceil(length)) and result['window'] == 1
    parts = read_csv(tmp_path / 'timeline.csv')
    for track in ('verb', 'noun', 'action'):
        here = [part for part in parts if part['track'] == track]
        assert [part['start'] for part in here[1:]] == [part['stop'] for part in here[:-1]]
        assert float(here[0]['start']) == 0 and float(here[-1]['stop']) == pytest.approx(length, abs=0.01)
        best = [second[track][0][0] for second in result['seconds']]
        assert [part['name'] for part in here] == [
            name for i, name in enumerate(best) if not i or best[i - 1] != name]
    text = (tmp_path / 'timeline.html').read_text()
    assert 'src="data:video/mp4;base64,' in text and not re.search('https?://', text)
    assert not (tmp_path / 'video.mp4').exists() and (tmp_path / 'timeline.png').stat().st_size > 5000


def test_a_folder_goes_on_after_a_broken_video(mini_root, checkpoint, tmp_path):
    folder = tmp_path / 'videos'
    (folder / 'a').mkdir(parents=True)
    shutil.copy(mini_root / 'P01/videos/P01_01.mp4', folder / 'a/one.mp4')
    shutil.copy(mini_root / 'P01/videos/P01_02.mp4', folder / 'two.mp4')
    (folder / 'b.mp4').write_bytes(b'no video' * 9)
    output = timeline(mini_root, checkpoint, folder, tmp_path / 'out', '--no-video', ok=False)
    assert 'error: 1 of 3 videos failed, the first: ' in output and 'b.mp4: cannot be opened' in output
    for name in ('a/one', 'two'):
        assert (tmp_path / 'out' / name / 'timeline.json').is_file()
        assert '<video' not in (tmp_path / 'out' / name / 'timeline.html').read_text()


def window(start, stop, *scores):
    return Scores(start, stop, dict(action=torch.tensor(scores)))


def test_seconds_are_means_of_the_windows_over_their_middle():
    found = [window(0, 2, 0.9, 0.1), window(1, 3, 0.2, 0.8), window(2, 4, 0.4, 0.6), window(3, 4.6, 1., 0.)]
    seconds = files.by_second(found, dict(action=['cut', 'peel']), 2)
    assert len(seconds) == 5
    values = [dict(second['action'])['cut'] for second in seconds]
    assert values == pytest.approx([0.9, 0.55, 0.3, 0.7, 1.])
    gap = files.by_second([window(0, 1, 1., 0.), window(3, 4, 0., 1.)], {}, 1)
    assert [second['action'][0][0] for second in gap] == ['0', '0', '1', '1']  # the closest one


def test_equal_seconds_are_merged():
    seconds = [dict(action=[(name, value)]) for name, value in (
        ('cut', 0.5), ('cut', 0.7), ('peel', 0.4), ('cut', 1.))]
    assert files.segments(seconds, 'action', 3.5) == [
        files.Segment(0, 2, 'cut', pytest.approx(0.6)), files.Segment(2, 3, 'peel', 0.4),
        files.Segment(3, 3.5, 'cut', 1.)]


def write_page(folder, name='cut "<b>', video=None):
    tracks = dict(action=[files.Segment(0., 2., name, 0.9), files.Segment(2., 4., 'peel', 0.5)])
    seconds = [dict(action=[(part.name, part.probability)]) for part in tracks['action'] for _ in range(2)]
    page.write_page(folder / 'timeline.html', tracks, seconds, 4., 'a & b', video)
    return (folder / 'timeline.html').read_text()


def test_names_cannot_break_the_page(tmp_path):
    text = write_page(tmp_path, '</script><script>alert(1)</script>')
    assert '<script>alert' not in text and 'a &amp; b' in text


def test_a_large_video_lies_beside_the_page(tmp_path, monkeypatch):
    monkeypatch.setattr(page, 'EMBEDDED', 0)
    write_frames(tmp_path / 'source.mkv', np.arange(40) / 10)
    assert 'src="video.mp4"' in write_page(tmp_path, video=tmp_path / 'source.mkv')
    assert (tmp_path / 'video.mp4').is_file()


def test_what_browsers_play_has_the_same_times_and_sound(tmp_path):
    times = np.cumsum([0] + [0.04] * 20 + [0.3] * 10)
    write_frames(tmp_path / 'variable.mkv', times, size=(900, 700))
    encode(MediaStream(str(tmp_path / 'variable.mkv'), with_sound=True), str(tmp_path / 'video.mp4'))
    reader = VideoReader(str(tmp_path / 'video.mp4'))
    assert reader[0].shape == (360, 462, 3)
    np.testing.assert_allclose(reader.get_frame_timestamp(np.arange(31))[:, 0], times, atol=2e-3)
    wave = np.sin(np.arange(32000) / 16000 * 2 * np.pi * 440) / 2
    write_sound(tmp_path / 'sound.mkv', wave, pictures=20)
    encode(MediaStream(str(tmp_path / 'sound.mkv'), with_sound=True), str(tmp_path / 'video.mp4'))
    with MediaStream(str(tmp_path / 'video.mp4'), with_sound=True) as stream:
        items = list(stream)
    heard = np.concatenate([item.wave for item in items if isinstance(item, Sound)])
    assert len(heard) == pytest.approx(32000, abs=2100) and np.abs(heard).max() == pytest.approx(0.5, abs=0.1)
    assert sum(isinstance(item, Frame) for item in items) == 20


class Server(threading.Thread):
    """Sends a transport stream to each of the first callers, and then closes the connection."""

    def __init__(self, data, callers):
        super().__init__(daemon=True)
        self.data, self.callers, self.socket = data, callers, socket.create_server(('127.0.0.1', 0))
        self.address = f'tcp://127.0.0.1:{self.socket.getsockname()[1]}'

    def run(self):
        for _ in range(self.callers):
            connection, _ = self.socket.accept()
            with connection:
                for start in range(0, len(self.data), 20000):
                    connection.sendall(self.data[start:start + 20000])
                    time.sleep(0.02)
        self.socket.close()


@pytest.mark.parametrize('callers', [1, 2])
def test_a_stream_that_breaks_off(mini_root, checkpoint, tmp_path, callers):
    """It is opened again; if that fails, all that was found is written."""
    write_frames(tmp_path / 'live.ts', np.arange(72) / 12, size=(64, 64))
    server = Server((tmp_path / 'live.ts').read_bytes(), callers)
    server.start()
    out = tmp_path / 'out'
    options = '--window', 1, '--stride', 1, '--reconnect', 2
    output = timeline(mini_root, checkpoint, server.address, out, *options)
    assert output.count('broke off after') == callers and 'writing what was found' in output
    starts = [float(row['start']) for row in read_csv(out / 'windows.csv')]
    assert len(starts) == 6 * callers and starts == sorted(starts)
    assert (out / 'timeline.json').is_file() and '<video' not in (out / 'timeline.html').read_text()


def test_an_address_that_nobody_answers_is_named(mini_root, checkpoint, tmp_path):
    with socket.create_server(('127.0.0.1', 0)) as unused:
        port = unused.getsockname()[1]
    output = timeline(mini_root, checkpoint, f'tcp://127.0.0.1:{port}', tmp_path, ok=False)
    assert f'error: tcp://127.0.0.1:{port}: cannot be opened as a video' in output


CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
CLICK = """<script>
window.addEventListener('load', () => {
  const track = document.querySelector('.track'), box = track.getBoundingClientRect();
  const click = () => {
    track.dispatchEvent(new MouseEvent('click', {clientX: box.left + 0.75 * box.width, bubbles: true}));
    setTimeout(() => { document.body.dataset.video = video.currentTime.toFixed(2);
                       document.body.dataset.length = video.duration.toFixed(2); }, 500);
  };
  if (video.readyState) click(); else video.addEventListener('loadedmetadata', click);
});
</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason='there is no Chromium')
def test_a_click_in_a_browser_jumps_there(tmp_path):
    """Opened as a file, without a server."""
    write_frames(tmp_path / 'source.mp4', np.arange(40) / 10)
    text = write_page(tmp_path, video=tmp_path / 'source.mp4')
    (tmp_path / 'timeline.html').write_text(text.replace('</body>', f'{CLICK}</body>'))
    dom = subprocess.run(
        [CHROMIUM, '--headless', '--no-sandbox', '--disable-gpu', '--virtual-time-budget=8000', '--dump-dom',
         f'--user-data-dir={tmp_path / "profile"}', f'file://{tmp_path / "timeline.html"}'],
        text=True, capture_output=True, timeout=120).stdout
    body = dict(re.findall(r'data-(\w+)="([^"]*)"', re.search('<body[^>]*>', dom)[0]))
    assert float(body['time']) == pytest.approx(3, abs=0.05)
    assert float(body['video']) == pytest.approx(3, abs=0.1)
    assert float(body['length']) == pytest.approx(4, abs=0.2)
    assert '<td>peel</td>' in dom and 'class="now" style="left: 75' in dom
