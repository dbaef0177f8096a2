"""The web page as visitors use it, in headless Chromium; what it computes, and what it leaves behind."""
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ENV, MINI, ROOT, children, load_tool, mini_dict, mini_options, write_frames
from mmengine.dataset import Compose
from sounds import write_sound

pytest.importorskip('gradio')
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tools/analysis')]
import _app_html as page  # noqa: E402
import _app_model as app_model  # noqa: E402
from _app_files import PREFIX, Workspace  # noqa: E402
from _timeline_files import Segment, colours  # noqa: E402
from _timeline_page import span  # noqa: E402

from projects.cast.apis.inferencer import sample  # noqa: E402
from projects.cast.export import Scorer, describe, write  # noqa: E402
from projects.cast.utils import InputError  # noqa: E402

SOUND = ROOT / 'configs/ca2st/mini/ca2st_mini_1xb32-u4-10e_mini-sound-rgb-audio.py'
CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
VERBS = 'lift', 'lower', 'slide-left', 'slide-right', 'shake', 'stir'
OPTIONS = {'model.backbone.experts.spatial.depth': 1, 'model.backbone.experts.temporal.depth': 1}
WIDE, NARROW = dict(width=1400, height=900), dict(width=390, height=800)


def served(config, checkpoint=None, options=None):
    torch.manual_seed(0)
    options = {'label_map': None, **(options or {})}
    return app_model.ServedModel(str(config), checkpoint, 'cpu', None, options, 1., 0.5, 5)


def test_muted_is_what_the_model_says_of_the_file_without_its_sound(tmp_path):
    wave = np.random.default_rng(0).uniform(-0.5, 0.5, 32000)
    write_sound(tmp_path / 'sound.mkv', wave, pictures=20)
    write_sound(tmp_path / 'silent.mkv', None, pictures=20)
    model = served(SOUND)
    for parameter in model.model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    pipeline = Compose(model.config.test_dataloader.dataset.pipeline)
    found = model.predict(pipeline(sample(str(tmp_path / 'sound.mkv'))))
    silent = model.predict(pipeline(sample(str(tmp_path / 'silent.mkv'))))
    assert silent.no_sound and silent.muted is None and not found.no_sound
    for track, ranking in silent.best.items():
        muted = dict(found.muted[track])
        assert [muted[name] for name, _ in ranking] == pytest.approx([p for _, p in ranking], rel=1e-4)
    heard = dict(found.best['verb'])
    assert any(abs(value - dict(found.muted['verb'])[name]) > 1e-3 for name, value in heard.items())
    text = page.bars('a <b>', found, False)
    assert 'a &lt;b&gt;' in text and f'muted {100 * found.muted["verb"][0][1]:.1f} %' in text
    assert 'has no sound' in page.bars('a', silent, False)


def test_an_exported_model_says_what_its_checkpoint_says(tmp_path):
    """Of a video with sound, of the same one muted, and of a silent one."""
    pytest.importorskip('onnxruntime')
    write_sound(tmp_path / 'sound.mkv', np.random.default_rng(0).uniform(-0.5, 0.5, 32000), pictures=20)
    write_sound(tmp_path / 'silent.mkv', None, pictures=20)
    model, file = served(SOUND), tmp_path / 'model.onnx'
    for parameter in model.model.parameters():
        torch.nn.init.normal_(parameter, std=0.15)
    config = model.config.copy()
    config.label_map = {task: [*map(str, range(n))] for task, n in config.num_classes.items()}
    scorer, pipeline = Scorer(model.model), config.test_dataloader.dataset.pipeline
    write(scorer, str(file), describe(model.model, scorer, config, pipeline))
    exported = served(SOUND, str(file))
    for name in ('sound.mkv', 'silent.mkv'):
        clip = Compose(pipeline)(sample(str(tmp_path / name)))
        expected, found = model.predict(clip), exported.predict(clip)
        assert found.no_sound == expected.no_sound == (name == 'silent.mkv')
        for a, b in zip((expected.best, expected.muted or {}), (found.best, found.muted or {})):
            assert a.keys() == b.keys()
            for track in a:
                assert [p for _, p in b[track]] == pytest.approx([p for _, p in a[track]], abs=1e-4)
                assert b[track][0][0] == a[track][0][0]
    assert exported.attention(clip) is None


def test_a_model_without_exchange_has_no_maps(mini_root):
    model = served(ROOT / 'configs/xvit/mini/xvit_mini_orderless.py')
    clip = Compose(model.config.test_dataloader.dataset.pipeline)(sample(str(next(mini_root.rglob('*.mp4')))))
    assert model.attention(clip) is None and 'no exchange' in page.attention('a', None)
    assert sum(value for _, value in model.predict(clip).best['verb']) <= 1 + 1e-5


def test_names_are_legible_where_the_model_is_sure():
    """Black on each colour of a track, as it is over the track's grey: what WCAG 2 asks of text."""
    for colour in set(colours([str(i) for i in range(20)]).values()):
        found = re.search('#(......)(..)', span(Segment(0., 1., 'a', 1.), colour, 1.))
        rgb, alpha = bytes.fromhex(found[1]), int(found[2], 16) / 255
        mixed = np.array([*rgb]) / 255 * alpha + 0xee / 255 * (1 - alpha)
        linear = np.where(mixed <= 0.04045, mixed / 12.92, ((mixed + 0.055) / 1.055)**2.4)
        assert (linear @ [0.2126, 0.7152, 0.0722] + 0.05) / 0.05 > 4.5, colour


@pytest.mark.parametrize('views', ['val', 'test'])
def test_a_config_without_a_pipeline(views):
    with pytest.raises(InputError, match=f'{MINI.name}: has no {views}_dataloader, whose pipeline reads'):
        served(MINI, options={f'{views}_dataloader': None})


def test_files_of_users_and_of_killed_processes(tmp_path):
    space = Workspace(tmp_path)
    other = subprocess.run(
        [sys.executable, '-c', 'import os, sys\nfrom pathlib import Path\nfrom _app_files import Workspace\n'
         'space = Workspace(Path(sys.argv[1]))\n(space.uploads / "left").write_text("x")\n'
         'print(space.path, space.leftovers)\nsys.stdout.flush()\nos.kill(os.getpid(), 9)', str(tmp_path)],
        env={**ENV, 'PYTHONPATH': str(ROOT / 'tools')}, text=True, capture_output=True)
    path, leftovers = other.stdout.split()
    assert leftovers == '0' and space.path.is_dir() and (Path(path) / 'uploads/left').is_file()
    third = Workspace(tmp_path)
    assert third.leftovers == 1 and not Path(path).exists() and space.path.is_dir()
    assert space.path.stat().st_mode & 0o077 == 0
    example, upload = space.uploads / 'e/example.mp4', space.uploads / 'u/upload.mp4'
    for file in (example, upload):
        if file is upload:
            space.keep_examples()
        file.parent.mkdir()
        file.write_text('x')
    space.keep('a', str(upload))
    space.keep('b', str(upload))
    results = space.fresh('a')
    assert space.fresh('a') != results and not results.exists()
    space.leave('a')
    assert upload.exists() and [p.name for p in space.uploads.iterdir() if 'results' in p.name] == []
    space.keep('b', str(example))  # another video instead
    assert not upload.exists()
    space.leave('b')
    outside = tmp_path / 'mine.mp4'
    outside.write_text('x')
    space.keep('c', str(outside))
    space.leave('c')
    assert example.exists() and outside.exists()


@pytest.mark.parametrize('options, message', [
    (['--host', '0.0.0.0'], '--host 0.0.0.0: others could use the page; give a --password as well'),
    (['--host', 'localhost', '--max-seconds', '0'], 'and --topk must be positive'),
    (['--host', '::1', '--examples', 'docs'], 'docs: there are no videos')])
def test_wrong_options(monkeypatch, options, message):
    monkeypatch.delenv('CAST_APP_PASSWORD', raising=False)
    monkeypatch.setattr(sys, 'argv', ['app.py', str(MINI), *options])
    with pytest.raises(InputError, match=message):
        load_tool('app.py').main()


# --- in a browser


@pytest.fixture(scope='module')
def browser():
    api = pytest.importorskip('playwright.sync_api', reason='playwright is not installed')
    if CHROMIUM is None:
        pytest.skip('there is no Chromium')
    with api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=[
            '--no-sandbox', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'])
        yield found
        found.close()


class Server:
    """The tool in a process of its own, without ffmpeg on its path."""

    def __init__(self, folder, *options, **env):
        self.folder, self.port = folder, free_port()
        self.command = [sys.executable, 'tools/app.py', *map(str, options), '--port', str(self.port)]
        (folder / 'bin').mkdir(exist_ok=True)
        self.env = {**ENV, 'TMPDIR': str(folder), 'PATH': str(folder / 'bin'), **env}
        self.address = f'http://127.0.0.1:{self.port}'
        self.start()

    def start(self):
        self.log = (self.folder / 'log').open('w+')
        self.process = subprocess.Popen(
            self.command, cwd=ROOT, env=self.env, stdout=self.log, stderr=self.log)
        until = time.monotonic() + 120
        while time.monotonic() < until:
            with socket.socket() as caller:
                if not caller.connect_ex(('127.0.0.1', self.port)):
                    return
            assert self.process.poll() is None, self.output()
            time.sleep(0.3)
        raise AssertionError(self.output())

    def output(self):
        return (self.folder / 'log').read_text()[-3000:]

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(60)

    def decoding(self):
        """Processes that decode a file now."""
        return [p for guard in children(self.process.pid) for p in children(guard)]

    def files(self):
        """What users have here."""
        return [p for p in self.folder.glob(f'{PREFIX}*/uploads/*/*')
                if p.is_file() and not p.name.startswith('example')]


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as unused:
        return unused.getsockname()[1]


@pytest.fixture(scope='module')
def videos(mini_root, tmp_path_factory):
    folder = tmp_path_factory.mktemp('videos')
    (folder / 'examples').mkdir()
    source = mini_root / 'P01/videos/P01_01.mp4'
    shutil.copy(source, folder / 'good.mp4')
    shutil.copy(mini_root / 'P01/videos/P01_02.mp4', folder / 'examples/example.mp4')
    write_frames(folder / 'long.mp4', np.arange(80) / 2)
    write_frames(folder / 'slow.mp4', np.arange(600) / 25, (1280, 720), preset='ultrafast', crf='40')
    (folder / 'wrong.mp4').write_text('This is not a video. ' * 40)
    return folder


@pytest.fixture(scope='module')
def server(browser, mini_root, videos, tmp_path_factory):
    options = mini_options(mini_root, **OPTIONS)
    checkpoint = tmp_path_factory.mktemp('checkpoint') / 'second.pth'
    model = served(MINI, options=mini_dict(mini_root, **OPTIONS)).model
    torch.save(dict(state_dict=model.state_dict(), meta={}), checkpoint)
    names = [mini_root / f'EPIC_100_{task}_classes.csv' for task in ('verb', 'noun')]
    running = Server(
        tmp_path_factory.mktemp('server'), MINI, '--second', MINI, checkpoint,
        '--examples', videos / 'examples', '--max-seconds', 30, '--max-mb', 2, '--queue', 1,
        '--label-map', *names, '--cfg-options', *options)
    yield running
    running.end()
    assert not list(running.folder.glob(f'{PREFIX}*')), running.output()


@pytest.fixture
def visit(browser, server):
    """Opens the page, and checks that nothing is requested from elsewhere."""
    contexts, requests = [], []

    def visit(size=WIDE):
        contexts.append(browser.new_context(viewport=size, permissions=['camera', 'microphone']))
        tab = contexts[-1].new_page()
        tab.set_default_timeout(90000)
        tab.on('request', lambda request: requests.append(request.url))
        tab.goto(server.address)
        tab.wait_for_selector('#start')
        return tab

    yield visit
    for context in contexts:
        context.close()
    elsewhere = {url for url in requests if not url.startswith((server.address, 'data:', 'blob:'))}
    assert requests and not elsewhere


def give(tab, video):
    tab.set_input_files('input[type=file]', str(video))
    tab.wait_for_selector('button[aria-label="Clear"], button[title="Clear"], video')
    tab.wait_for_timeout(500)
    tab.click('#start')


def status(tab, text):
    tab.wait_for_selector(f'#status >> text={text}')
    return tab.inner_text('#status')


BOXES = """() => [...document.querySelectorAll(`h1, .prose p, #start, #stop, #status .result, .bar, .track,
  .strip img, #seen video, #files, .result h3, .result h4, .result .note`)].map(
  e => [e.getBoundingClientRect(), e]).filter(([box]) => box.width && box.height).map(([box, e]) => [
    box.left, box.top, box.right, box.bottom, e.className || e.id || e.tagName])"""


def check_layout(tab):
    """No two parts overlap, none lies outside of the window, and no text is cut."""
    width = tab.evaluate('document.documentElement.clientWidth')
    assert tab.evaluate('document.documentElement.scrollWidth') <= width
    boxes = tab.evaluate(BOXES)
    assert len(boxes) > 30
    for i, (left, top, right, bottom, name) in enumerate(boxes):
        assert -1 <= left < right <= width + 1, name
        for other in boxes[:i]:
            beside = left >= other[2] - 1 or right <= other[0] + 1
            assert beside or top >= other[3] - 1 or bottom <= other[1] + 1, (
                f'{name} {left, top, right, bottom} overlaps {other}')
    narrowest = tab.evaluate("""() => Math.min(...[...document.querySelectorAll('.bar .name')].map(
        e => e.getBoundingClientRect().width))""")
    assert narrowest > 60


# of text: the contrast with what is behind it, and the text
CONTRASTS = """() => {
  const channels = text => text.match(/[\\d.]+/g).map(Number);
  const light = c => c.slice(0, 3).map(v => v / 255).map(
    v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4).reduce(
    (sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = e => {
    const layers = [];
    for (; e; e = e.parentElement) {
      const [r, g, b, a = 1] = channels(getComputedStyle(e).backgroundColor);
      layers.unshift([[r, g, b], a]);
      if (a === 1) break;
    }
    return layers.reduce((under, [c, a]) => c.map((v, i) => a * v + (1 - a) * under[i]), [255, 255, 255]);
  };
  const texts = [...document.querySelectorAll('h1, .prose p, .result *')].filter(
    e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) && e.getBoundingClientRect().width);
  const found = texts.map(e => {
    const [a, b] = [channels(getComputedStyle(e).color), behind(e)].map(light).sort((x, y) => y - x);
    return [(a + .05) / (b + .05), e.textContent];
  });
  return [light(behind(document.querySelector('h1'))) < .2, found];
}"""


def test_upload_and_predict(visit, server, videos):
    tab = visit()
    give(tab, videos / 'good.mp4')
    status(tab, 'Done: good.mp4')
    for i in range(2):
        text = tab.inner_text(f'#bars{i}')
        assert all(track in text for track in ('verb', 'noun', 'action'))
        assert sum(name in text for name in VERBS) >= 5
        assert len(tab.query_selector_all(f'#bars{i} .bar')) == 15
        assert len(tab.query_selector_all(f'#attention{i} img')) >= 8
    # the second model has the weights of a file, the first others
    assert tab.inner_text('#bars0') != tab.inner_text('#bars1') and 'random' in tab.inner_text('#bars0')
    assert len(tab.query_selector_all('.track')) == 6 and 'timeline2' in tab.inner_text('#files')
    length = tab.wait_for_function("document.querySelector('#seen video').duration").json_value()
    track = tab.query_selector('.track')
    box = track.bounding_box()
    track.click(position=dict(x=0.75 * box['width'], y=box['height'] / 2))
    tab.wait_for_timeout(500)
    assert tab.evaluate("document.querySelector('#seen video').currentTime") == pytest.approx(
        0.75 * length, abs=0.3)
    assert 'verb ' in tab.inner_text('#timeline .at')
    check_layout(tab)
    tab.set_viewport_size(NARROW)
    tab.wait_for_timeout(1000)
    check_layout(tab)
    for theme in ('light', 'dark'):
        tab.evaluate("theme => document.body.classList.toggle('dark', theme === 'dark')", theme)
        tab.wait_for_timeout(500)
        dark, contrasts = tab.evaluate(CONTRASTS)
        assert dark == (theme == 'dark') and len(contrasts) > 60
        assert min(contrasts)[0] > 4.5, (theme, min(contrasts))  # what WCAG 2 asks of text
    assert server.files()
    tab.context.close()
    wait_until(lambda: not server.files())


def wait_until(true, seconds=60):
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.3)


def test_stop_a_full_queue_and_leaving(visit, server, videos):
    """One request runs, one waits, and one is refused; each can be tried again."""
    running, waiting, refused = visit(), visit(), visit()
    give(running, videos / 'slow.mp4')
    running.wait_for_selector('#status >> text=reading the video')
    give(waiting, videos / 'slow.mp4')
    waiting.wait_for_selector('#status >> text=queue: 1/1')
    give(refused, videos / 'good.mp4')
    status(refused, 'Too many others are waiting; please try again in a minute.')
    assert 'Error' not in refused.inner_text('#status')
    uploads = {path for path in server.files() if 'results' not in str(path)}
    waiting.click('#stop')
    status(waiting, 'Stopped.')
    assert len(server.decoding()) == 1
    running.click('#stop')
    status(running, 'Stopped.')
    assert not server.decoding() and {*server.files()} == uploads
    running.click('#start')
    running.wait_for_selector('#status >> text=reading the video')
    wait_until(server.decoding)
    running.context.close()  # which also stops what is computed for it
    wait_until(lambda: not server.decoding(), 3)
    refused.click('#start')
    status(refused, 'Done: good.mp4')


def test_an_example(visit, server, videos):
    tab = visit(NARROW)
    for _ in range(2):  # it is not deleted with the page that showed it
        tab.click('text=example.mp4')
        tab.wait_for_timeout(1500)
        tab.click('#start')
        status(tab, 'Done: example.mp4')
        tab.reload()
        tab.wait_for_selector('#start')


@pytest.mark.parametrize('name, message', [
    ('wrong.mp4', 'the file is not a video that can be read'),
    ('long.mp4', 'the limit is 30 s'),
    ('good.txt', None), ('large.mp4', None)])
def test_files_that_are_refused(visit, server, videos, name, message):
    tab = visit()
    if message is None:  # by the form
        (videos / name).write_bytes((videos / 'good.mp4').read_bytes() + bytes(2**21 * (name == 'large.mp4')))
        tab.set_input_files('input[type=file]', str(videos / name))
        tab.wait_for_selector('.toast-body, .toast-wrap >> text=/size|Invalid/', timeout=20000)
        tab.wait_for_timeout(500)
        return
    give(tab, videos / name)
    text = status(tab, message)
    assert str(server.folder) not in text and 'Traceback' not in text + server.output()
    tab.click('[aria-label="Clear"], [title="Clear"]')
    give(tab, videos / 'good.mp4')
    status(tab, 'Done: good.mp4')


def test_two_users_at_once(visit, server, videos):
    shutil.copy(videos / 'examples/example.mp4', videos / 'other.mp4')
    first, second = visit(), visit()
    give(first, videos / 'good.mp4')
    give(second, videos / 'other.mp4')
    status(first, 'Done: good.mp4')
    status(second, 'Done: other.mp4')
    assert first.inner_text('#bars0') != second.inner_text('#bars0')
    both = first.inner_text('#bars0')
    second.click('[aria-label="Clear"]')
    give(second, videos / 'good.mp4')
    status(second, 'Done: good.mp4')
    assert second.inner_text('#bars0') == both


def test_a_recording_of_the_webcam(visit):
    tab = visit()
    tab.click('[aria-label="Capture from camera"], [title="Capture from camera"]')
    tab.click('text=/access webcam/i')
    for _ in range(2):  # the button starts and stops
        tab.click('[aria-label="start recording"]')
        tab.wait_for_timeout(2500)
    tab.wait_for_selector('[aria-label="Clear"]')
    while 'Upload a video' in tab.inner_text('#status'):  # the recording has not arrived
        tab.click('#start')
        tab.wait_for_timeout(1000)
    status(tab, 'Done')


def test_killed_in_the_middle_of_a_request(visit, server, videos):
    tab = visit()
    give(tab, videos / 'good.mp4')
    tab.wait_for_selector('#status >> text=Reading the video')
    before = set(server.folder.glob(f'{PREFIX}*'))
    server.end(signal.SIGKILL)
    assert len(before) == 1 and any(path.is_file() for path in before.pop().rglob('*.mp4'))
    server.start()
    assert 'removed the files of 1 process(es) that were killed' in server.output()
    assert len(list(server.folder.glob(f'{PREFIX}*'))) == 1
    tab = visit()
    give(tab, videos / 'good.mp4')
    status(tab, 'Done: good.mp4')


def answer(address, data=None):
    """Status of a request."""
    try:
        data = data and urllib.parse.urlencode(data).encode()
        with urllib.request.urlopen(address, data, timeout=30) as found:
            return found.status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_password(mini_root, tmp_path):
    names = [mini_root / f'EPIC_100_{task}_classes.csv' for task in ('verb', 'noun')]
    options = mini_options(mini_root, **OPTIONS)
    server = Server(tmp_path, MINI, '--label-map', *names, '--cfg-options', *options,
                    CAST_APP_PASSWORD='open sesame')
    try:
        assert answer(f'{server.address}/config') == 401
        assert answer(f'{server.address}/gradio_api/upload', dict(files='x')) == 401
        assert answer(f'{server.address}/login', dict(username='a', password='wrong')) == 400
        assert answer(f'{server.address}/login', dict(username='a', password='open sesame')) == 200
    finally:
        server.end()
