"""The server answers programs, and strangers leave nothing behind."""
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from conftest import ENV, MINI, ROOT, SMALL, load_tool, mini_options

pytest.importorskip('av')
pytest.importorskip('fastapi')
from hostile import (  # noqa: E402
    FILES,
    FPS,
    LIMIT,
    PIXELS,
    REQUESTS,
    SECONDS,
    UPLOAD,
    ask,
    form,
    gone,
    good,
    growing,
    head,
    left,
    whole,
)

MIB = 2**20


class Served:
    """A server that runs."""

    def __init__(self, folder, *options, checkpoint=None):
        self.folder = folder
        folder.mkdir()
        arguments = [str(MINI), *([str(checkpoint)] if checkpoint else []), '--port', '0', *options]
        self.process = subprocess.Popen(
            [sys.executable, 'tools/serve.py', *arguments], cwd=ROOT, stdout=subprocess.PIPE,
            env={**ENV, 'TMPDIR': str(folder)}, text=True)
        line = ''
        while not line.startswith('serving on'):
            line = self.process.stdout.readline()
            assert line, 'the server ended'
        self.port = int(line.rsplit(':', 1)[1])

    def get(self, path):
        """The text of a page."""
        with urllib.request.urlopen(f'http://127.0.0.1:{self.port}{path}', timeout=30) as answer:
            return answer.read().decode()

    def number(self, name):
        """A number of /metrics."""
        return float(next(line.rsplit(' ', 1)[1] for line in self.get('/metrics').splitlines()
                          if line.startswith(name)))

    @property
    def forks(self):
        """The process that forks itself for each upload."""
        children = Path(f'/proc/{self.process.pid}/task/{self.process.pid}/children').read_text().split()
        return next(int(child) for child in children
                    if 'fork_server' in Path(f'/proc/{child}/cmdline').read_text())

    def stop(self):
        """Stops it as a user does, and returns its status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@pytest.fixture(scope='module')
def options(mini_root):
    return ['--cfg-options', *mini_options(mini_root), *(f'{key}={value}' for key, value in SMALL.items()),
            *(f'label_map.{task}={mini_root}/EPIC_100_{task}_classes.csv' for task in ('verb', 'noun'))]


@pytest.fixture(scope='module')
def server(options, tmp_path_factory):
    served = Served(
        tmp_path_factory.mktemp('server') / 'tmp', '--max-mib', str(LIMIT / MIB),
        '--max-seconds', str(SECONDS), '--max-pixels', str(PIXELS), '--max-fps', str(FPS),
        '--memory-mib', '256', '--cpu-seconds', '5',
        '--upload-seconds', str(UPLOAD), '--header-seconds', '2', '--max-wait-ms', '300', *options)
    yield served
    if served.process.poll() is None:
        served.stop()


@pytest.fixture(scope='module')
def video(tmp_path_factory):
    return good(tmp_path_factory.mktemp('good'))


@pytest.fixture(scope='module')
def baseline(server, video):
    """What the server holds after some requests, and its answer to a good one."""
    for _ in range(5):
        status, answer = ask(server.port, whole(form(video)))
        assert status == 200
    time.sleep(0.5)
    return answer, [left(process, server.folder) for process in (server.process.pid, server.forks)]


def test_answers(server, video, mini_root):
    status, body = ask(server.port, whole(form(video), path=b'/v1/predict?topk=3'))
    found = json.loads(body)['predictions']
    assert status == 200 and found.keys() == {'verb', 'noun', 'action'}
    names = (mini_root / 'EPIC_100_verb_classes.csv').read_text()
    assert all(f',{ranked["label"]},' in names for ranked in found['verb'])
    for ranking in found.values():
        probabilities = [ranked['probability'] for ranked in ranking]
        assert len(ranking) == 3 and probabilities == sorted(probabilities, reverse=True)
    status, body = ask(server.port, whole(form(video), path=b'/v1/timeline?window=1&stride=0.5&topk=1'))
    windows = json.loads(body)['windows']
    assert status == 200 and [w['start'] for w in windows] == [i / 2 for i in range(len(windows))]
    assert len(windows) == 7 and all(len(w['predictions']['verb']) == 1 for w in windows)


def test_requests_share_a_batch(server, video):
    before = server.number('cast_batch_size_count'), server.number('cast_batch_size_sum')
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: ask(server.port, whole(form(video))), range(6)))
    assert [status for status, _ in answers] == [200] * 6
    batches, samples = (server.number(f'cast_batch_size_{end}') - old
                        for end, old in zip(('count', 'sum'), before))
    assert samples == 6 > batches
    labels = [[r['label'] for r in json.loads(body)['predictions']['verb']] for _, body in answers]
    assert all(found == labels[0] for found in labels)


def test_pages_for_programs_and_none_that_loads_from_elsewhere(server):
    assert json.loads(server.get('/health')) == dict(live=True, ready=True)
    schema = json.loads(server.get('/openapi.json'))
    assert 'multipart/form-data' in schema['paths']['/v1/predict']['post']['requestBody']['content']
    assert {'200', '408', '413', '422', '429'} <= schema['paths']['/v1/timeline']['post']['responses'].keys()
    for page in ('/docs', '/redoc'):
        with pytest.raises(urllib.error.HTTPError, match='404'):
            server.get(page)
    assert server.number('process_resident_memory_bytes') > 100 * MIB


@pytest.mark.parametrize('name', FILES)
def test_hostile_files(server, baseline, tmp_path, name):
    make, expected = FILES[name]
    data = make(tmp_path)
    status, body = ask(server.port, whole(form(data)))
    assert status == expected, body
    if status != 200:
        error = json.loads(body)['error']
        assert error.keys() == {'kind', 'message'} and '\n' not in error['message']
        assert str(server.folder) not in body.decode()


def test_timelines_see_what_a_header_hides(server, baseline, tmp_path):
    status, body = ask(server.port, whole(form(growing(tmp_path)), path=b'/v1/timeline'))
    assert status == 413 and b'8000 x 8000' in body


@pytest.mark.parametrize('name', REQUESTS)
def test_hostile_requests(server, baseline, video, name):
    make, expected = REQUESTS[name]
    status, body = ask(server.port, make(video))
    assert status == expected, body


def test_clients_that_go(server, baseline, video):
    for end in (10, 300, len(form(video)) // 2, len(form(video))):
        gone(server.port, [head(len(form(video))) + form(video)[:end]])


def test_hundreds_of_connections(server, baseline, video):
    """Each is answered or closed, whatever the others do."""
    with ThreadPoolExecutor(100) as threads:
        idle = [threads.submit(ask, server.port, [head(10)[:50]]) for _ in range(80)]
        busy = [threads.submit(ask, server.port, whole(form(video))) for _ in range(20)]
        assert {f.result()[0] for f in busy} <= {200, 429} and {f.result()[0] for f in idle} == {None}


def test_nothing_is_left(server, baseline, video):
    """After all that, the server holds what it held, and answers as it did."""
    expected, before = baseline
    for _ in range(60):
        time.sleep(0.25)
        now = [left(process, server.folder) for process in (server.process.pid, server.forks)]
        if all(n[key] <= b[key] for n, b in zip(now, before) for key in ('processes', 'open', 'files')):
            break
    for n, b in zip(now, before):
        assert {**n, 'memory': 0} == {**b, 'memory': 0}
        assert n['memory'] < b['memory'] + 64 * MIB
    status, body = ask(server.port, whole(form(video)))
    assert status == 200
    probabilities = [np.array([r['probability'] for r in json.loads(answer)['predictions']['verb']])
                     for answer in (body, expected)]
    np.testing.assert_allclose(*probabilities, rtol=1e-4)
    assert not [path for path in ('/evil.mp4', server.folder.parent / 'evil.mp4') if os.path.exists(path)]
    assert server.number('cast_requests_admitted') == 0


def test_a_full_queue_and_a_clean_end(options, tmp_path, video):
    """What does not fit is told so at once; what was admitted is answered although the server is stopped."""
    served = Served(tmp_path / 'tmp', '--queue', '2', '--max-wait-ms', '1500', *options)
    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(ask, served.port, whole(form(video))) for _ in range(8)]
        while sum(answer.done() for answer in answers) < 6:
            time.sleep(0.05)
        refused = [answer.result() for answer in answers if answer.done()]
        assert {status for status, _ in refused} == {429}
        forks = served.forks
        assert served.stop() == 0
        assert sorted(answer.result()[0] for answer in answers) == [200] * 2 + [429] * 6
    assert json.loads(refused[0][1])['error']['kind'] == 'busy'
    assert not list((tmp_path / 'tmp').iterdir()) and not Path(f'/proc/{forks}').exists()


def test_a_token(options, tmp_path, video):
    (tmp_path / 'token').write_text('secret\n')
    served = Served(tmp_path / 'tmp', '--token-file', str(tmp_path / 'token'), *options)
    try:
        for more, status in ((b'', 401), (b'Authorization: Bearer other\r\n', 401),
                             (b'Authorization: Bearer secret\r\n', 200)):
            assert ask(served.port, whole(form(video), more=more))[0] == status
        assert json.loads(served.get('/health'))['ready']
        with pytest.raises(urllib.error.HTTPError, match='401'):
            served.get('/metrics')
    finally:
        served.stop()


def test_a_config_without_windows(options, tmp_path, video):
    served = Served(tmp_path / 'tmp', *options, 'val_dataloader=None')
    try:
        assert ask(served.port, whole(form(video)))[0] == 200
        status, body = ask(served.port, whole(form(video), path=b'/v1/timeline'))
        assert status == 501 and json.loads(body)['error'] == dict(
            kind='no timeline', message='the config of this model has no pipeline that reads windows')
    finally:
        served.stop()


@pytest.mark.parametrize('arguments, says', [
    (['--cfg-options', 'label_map=None', 'test_dataloader=None'], 'has no test_dataloader, whose pipeline'),
    (['--host', '0.0.0.0'], 'give a --token-file'), (['--queue', '0'], '--queue 0 must be positive'),
    (['--token-file', os.devnull], 'that is not empty')])
def test_what_cannot_be_served(monkeypatch, arguments, says):
    from projects.cast.utils import InputError
    monkeypatch.setattr(sys, 'argv', ['serve.py', str(MINI), *arguments])
    with pytest.raises(InputError, match=says):
        load_tool('serve.py').main()
