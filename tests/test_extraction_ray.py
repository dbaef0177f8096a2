"""Extraction on a local cluster of Ray of two nodes; it survives the death of an actor and of its driver."""
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ENV, MINI, ROOT, mini_options, randomised, run

from projects.cast import extraction
from projects.cast.extraction import ClipReader, Extractor, SlidingReader, Store, read_clips
from projects.cast.utils import InputError

pq = pytest.importorskip('pyarrow.parquet')
os.environ['RAY_USAGE_STATS_ENABLED'] = '0'
pytest.importorskip('ray.data', reason="Ray is not installed: pip install -e '.[ray]'")


@pytest.fixture(scope='module')
def address():
    from ray.cluster_utils import Cluster
    small = dict(num_cpus=2, object_store_memory=100 * 2**20)
    cluster = Cluster(initialize_head=True, head_node_args=dict(small, include_dashboard=False))
    cluster.add_node(**small)
    yield cluster.address
    cluster.shutdown()


@pytest.fixture(scope='module')
def videos(mini_root, tmp_path_factory):
    folder = tmp_path_factory.mktemp('videos')
    for i in range(40):
        shutil.copy(mini_root / f'P01/videos/P01_0{1 + i % 2}.mp4', folder / f'{i:02}.mp4')
    (folder / '04.mp4').write_bytes(b'no video' * 99)
    return folder


def wait_for(condition, process):
    """Waits until something is true, while a process runs."""
    for _ in range(2400):
        if found := condition():
            return found
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    raise AssertionError('nothing happened for two minutes')


def actors():
    """Processes of the model below this one."""
    parents, found = {}, []
    for folder in Path('/proc').glob('[0-9]*'):
        try:
            stat = (folder / 'stat').read_text().rpartition(')')[2].split()
            parents[int(folder.name)] = int(stat[1])
            if b'Map(Model)' in (folder / 'cmdline').read_bytes() and stat[0] != 'Z':
                found.append(int(folder.name))
        except OSError:  # it has just ended
            continue

    def ours(pid):
        return pid == os.getpid() or pid in parents and ours(parents[pid])

    return [pid for pid in found if ours(pid)]


def rows_of(folder):
    return [row for path in sorted(folder.glob('*.parquet')) for row in pq.read_table(path).to_pylist()]


def test_an_actor_and_the_driver_are_killed(address, mini_root, config, videos, tmp_path):
    model, out = randomised(config.model), tmp_path / 'ray'
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'model.pth')
    todo = extraction.plan(read_clips(str(videos)), (0, 1), 2, 1)
    read = ClipReader(config.val_dataloader.dataset.pipeline)
    list(extraction.extract(todo, read, Extractor(model), Store(str(tmp_path / 'plain')), 0))

    command = ['tools/extract.py', videos, out, MINI, tmp_path / 'model.pth', '--batch-size', 1,
               '--per-part', 2, '--ray', address, '--cfg-options', *mini_options(mini_root)]
    driver = subprocess.Popen([sys.executable, *map(str, command)], cwd=ROOT, env=ENV, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def parts():
        return sorted(out.glob('*.parquet'))

    wait_for(parts, driver)
    first, = actors()
    os.kill(first, signal.SIGKILL)
    before = len(parts())
    second, = wait_for(lambda: set(actors()) - {first}, driver)
    wait_for(lambda: len(parts()) > before, driver)
    driver.kill()
    driver.wait()
    done = {path: path.stat().st_mtime_ns for path in parts()}
    assert before < len(done) < 20
    assert '40 clips' not in run(*command)  # only what was missing

    assert all(path.stat().st_mtime_ns == time for path, time in done.items())
    plain, found = rows_of(tmp_path / 'plain'), rows_of(out)
    assert [path.name for path in parts()] == sorted(path.name for path in (tmp_path / 'plain').glob('*'))
    assert [row['id'] for row in found] == [row['id'] for row in plain] == [f'{i:02}.mp4' for i in range(40)]
    for row, expected in zip(found, plain):
        assert row['error'] == expected['error'] and bool(row['error']) == (row['id'] == '04.mp4')
        for name in ('spatial', 'temporal'):
            assert (row[name] is None) == bool(row['error'])
            np.testing.assert_allclose(row[name] or [], expected[name] or [], atol=1e-5)


def refusing():
    """Stands for the reader of clips, or for the extractor; workers can't import this file."""
    class Refusing:
        model, names = torch.nn.Identity(), ()

        def __call__(self, *_):
            raise InputError('a.mp4: is unusable; take another')

    return Refusing()


def test_windows_and_errors_in_this_process(address, config, videos, tmp_path):
    """Batches of a video may be passed through the model in any order."""
    ray = extraction.connect(address)
    pipeline, extractor = config.val_dataloader.dataset.pipeline, Extractor(randomised(config.model))
    read, clips = SlidingReader(pipeline, 1., 0.25, 2), read_clips(str(videos))[:6]
    todo = extraction.plan(clips, (0, 1), 2, 1)
    try:
        steps = list(extraction.extract_on_ray(todo, read, extractor, Store(str(tmp_path / 'ray'))))
        list(extraction.extract(todo, read, extractor, Store(str(tmp_path / 'plain')), 0))
        assert sum(step.clips for step in steps) == 6 and sum(step.unreadable for step in steps) == 1
        plain, found = rows_of(tmp_path / 'plain'), rows_of(tmp_path / 'ray')
        assert [row['id'] for row in found] == [row['id'] for row in plain] and len(found) > 50
        for row, expected in zip(found, plain):
            np.testing.assert_allclose(row['temporal'] or [], expected['temporal'] or [], atol=1e-5)
        broken = SlidingReader(pipeline, 1., 1., 2)
        broken.reader.sampler = None
        with pytest.raises(Exception, match="'NoneType' object has no attribute 'transform'"):
            list(extraction.extract_on_ray(todo, broken, extractor, Store(str(tmp_path / 'broken'))))
        for part in ('read', 'extractor'):  # the clips, and what the model is given
            with pytest.raises(InputError, match='^a.mp4: is unusable; take another$'):
                parts = {**dict(read=read, extractor=extractor), part: refusing()}
                list(extraction.extract_on_ray(todo, store=Store(str(tmp_path / part)), **parts))
        # each of the two nodes has two CPUs
        with pytest.raises(InputError, match='3 actors on cpu need 2 CPUs each .* room for 2 .* 4 CPUs'):
            list(extraction.extract_on_ray(todo, read, extractor, Store(str(tmp_path / 'many')), 3))
        with pytest.raises(InputError, match='2 actors .* decoding needs one more'):
            list(extraction.extract_on_ray(todo, read, extractor, Store(str(tmp_path / 'many')), 2))
    finally:
        ray.shutdown()


@pytest.mark.parametrize('address', ['nowhere', '127.0.0.1:1', 'ray://127.0.0.1:1', 'no.host.invalid:6379'])
def test_an_address_without_a_cluster(address):
    start = time.monotonic()
    with pytest.raises(InputError, match=f'--ray {address}: there is no such cluster'):
        extraction.connect(address)
    assert time.monotonic() - start < 60
