"""Features, scores and tokens of many clips: what is written, and that nothing is lost or done twice."""
import csv
import hashlib
import json
import multiprocessing.connection
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ENV, MINI, ROOT, load_tool, mini_options, randomised, run, write_frames
from mmengine import Config
from mmengine.dataset import Compose, pseudo_collate

from projects.cast import extraction
from projects.cast.datasets import VideoError
from projects.cast.extraction import Clip, ClipReader, Extractor, SlidingReader, Store, read_clips
from projects.cast.utils import InputError

pq = pytest.importorskip('pyarrow.parquet')


@pytest.fixture(scope='module')
def clips(mini_root):
    return read_clips(str(mini_root / 'EPIC_100_train.csv'), str(mini_root),
                      '{participant_id}/videos/{video_id}.mp4')


def write(path, text):
    path.write_text(text)
    return str(path)


def test_lists_of_all_kinds(mini_root, tmp_path):
    folder = read_clips(str(mini_root))
    assert [clip.id for clip in folder] == [f'{p}/videos/{p}_0{i}.mp4'
                                            for p, i in (('P01', 1), ('P01', 2), ('P51', 1))]
    links = tmp_path / 'links'
    links.mkdir()
    (links / 'kitchens').symlink_to(mini_root)
    (links / 'circle').symlink_to(links)
    (links / '._a.mp4').touch()  # as macOS makes them
    assert [clip.id for clip in read_clips(str(links))] == [f'kitchens/{clip.id}' for clip in folder]
    lines = write(tmp_path / 'list.txt', 'a b.mp4 3\n\nc.webm\nd.mp4\t17\n')
    assert read_clips(lines, 'videos') == [
        Clip('a b.mp4', 'videos/a b.mp4'), Clip('c.webm', 'videos/c.webm'), Clip('d.mp4', 'videos/d.mp4')]
    table = write(tmp_path / 'list.csv', 'file,start,stop\na.mp4,1:00,61.5\na.mp4,,\n')
    assert read_clips(table) == [Clip('a.mp4@60.000-61.500', 'a.mp4', 60, 61.5), Clip('a.mp4', 'a.mp4')]
    assert read_clips(write(tmp_path / 'ids.csv', 'id,file\nx,a.mp4\n')) == [Clip('x', 'a.mp4')]
    first = read_clips(str(mini_root / 'EPIC_100_train.csv'))[0]
    assert first.id == 'P01_01_0' and first.file == 'P01/videos/P01_01.MP4'
    assert first.stop - first.start == pytest.approx(1.5)


@pytest.mark.parametrize('text, message', [
    ('a.mp4\na.mp4\n', "2 clips have the id 'a.mp4'"),
    ('a.mp4\nb,1\n', "line 2: 'b,1' names no video"),
    ('file,start,stop\na.mp4,1,\n', 'line 2: a segment needs both start and stop'),
    ('file,start,stop\na.mp4,3,2\n', 'line 2: the segment starts at 3.00 s and stops at 2.00 s'),
    ('file,start,stop\na.mp4,x,2\n', 'line 2: cannot be read'),
    ('file,start,stop\na.mp4,0,inf\n', 'line 2: the segment .* stops at inf s; .* in seconds from 0 on'),
    ('file,start,stop\na.mp4,nan,1\n', 'line 2: the segment starts at nan s'),
    ('file,start,stop\na.mp4,-5,1\n', 'line 2: the segment starts at -5.00 s'),
    ('id,file\nx\n', 'line 2: names no file'),
    ('file\n', 'there are no videos in it')])
def test_lists_that_cannot_be_read(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_clips(write(tmp_path / 'list.csv', text))


@pytest.mark.parametrize('views', ['val', 'test'])
def test_features_and_scores_are_those_of_the_model(model, config, clips, views):
    pipeline = config[f'{views}_dataloader'].dataset.pipeline
    batch, = ClipReader(pipeline)(0, clips[:3])
    features = Extractor(model)(batch.samples)
    data = model.data_preprocessor(pseudo_collate(
        [Compose(pipeline)(clip.sample()) for clip in clips[:3]]), False)
    with torch.no_grad():
        expected, _ = model.extract_feat(data['inputs'])
    assert list(features) == ['spatial', 'temporal']
    for name, x in expected.items():
        np.testing.assert_allclose(features[name], x.view(3, -1, 64).mean(1), atol=1e-6)
    scores = Extractor(model, 'scores')(batch.samples)
    for i, sample in enumerate(model.test_step(pseudo_collate(batch.samples))):
        for task, score in sample.pred_score.items():
            np.testing.assert_allclose(scores[task][i], score.detach(), atol=1e-6)
    low = Extractor(model, bf16=True)(batch.samples)
    assert all(low[name].dtype == np.float32 and 0 < np.abs(low[name] - x).max() < 0.2 * np.abs(x).max()
               for name, x in features.items())


def test_blocks_lead_to_the_features(model, config, clips):
    """The last block's pooled features are the model's before the last norm; tokens pool to them."""
    batch, = ClipReader(config.val_dataloader.dataset.pipeline)(0, clips[:2])
    whole, pooled = Extractor(model)(batch.samples), Extractor(model, blocks=[0, 1])(batch.samples)
    tokens = Extractor(model, 'tokens', blocks=[0, 1])(batch.samples)
    assert list(pooled) == list(tokens) == ['spatial.1', 'temporal.1', 'spatial.2', 'temporal.2']
    assert tokens['spatial.1'].shape == (2, 1, 4, 17, 64) and tokens['temporal.2'].shape == (2, 1, 4, 16, 64)
    assert tokens['spatial.2'].shape == (2, 1, 4, 1, 64)  # nothing reads the patches of the last block
    for name, expert in model.backbone.experts.items():
        last = torch.from_numpy(pooled[f'{name}.2'])
        torch.testing.assert_close(expert.post_norm(last).detach(), torch.from_numpy(whole[name]))
    np.testing.assert_allclose(pooled['spatial.1'], tokens['spatial.1'][:, 0, :, 0].mean(1), rtol=1e-5)
    mean = tokens['temporal.1'].mean((1, 2, 3))
    np.testing.assert_allclose(pooled['temporal.1'], mean, rtol=1e-5, atol=1e-5)
    assert list(Extractor(model, 'tokens')(batch.samples)) == ['spatial.1', 'temporal.1']
    assert 'feed_forward' not in vars(model.backbone.experts['spatial'])  # nothing is left behind
    refused = {('features', (2, )): 'no block 3; the model has the blocks 1 to 2',
               ('scores', (0, )): 'leave out the blocks', ('sound', ): "no 'sound' to extract"}
    for arguments, message in refused.items():
        with pytest.raises(InputError, match=message):
            Extractor(model, *arguments)


def test_windows_of_a_video_are_its_segments(model, config, mini_root):
    path, pipeline = str(mini_root / 'P01/videos/P01_01.mp4'), config.val_dataloader.dataset.pipeline
    batches = list(SlidingReader(pipeline, 1., 0.5, 4)(7, [Clip('v', path)]))
    assert [batch.last for batch in batches] == [False] * (len(batches) - 1) + [True] and len(batches) > 2
    rows = [row for batch in batches for row in batch.rows]
    assert rows[1] == dict(id='v@0.500-1.500', video=path, start=0.5, stop=1.5, error='', note='')
    second = Clip('x', path, rows[5]['start'], rows[5]['stop'])
    trimmed, = ClipReader(pipeline)(0, [second])
    assert torch.equal(batches[1].samples[1]['inputs'], trimmed.samples[0]['inputs'])


class Made:
    """A reader whose clips need no files; those whose id begins with one of some letters are broken."""

    def __init__(self, broken='x'):
        self.broken = broken

    def __call__(self, job, clips):
        rows, samples = [], []
        for clip in clips:
            try:
                if clip.id[0] in self.broken:
                    raise VideoError(f'{clip.file}: is broken')
                samples.append(float(clip.id[1:]))
                rows.append(extraction.reading.row_of(clip))
            except VideoError as error:
                rows.append(extraction.reading.row_of(clip, str(error)))
        yield extraction.reading.Batch(job, 0, rows, samples, True)


def made_up(samples):
    x = np.array(samples, np.float32)
    return dict(a=np.stack([x, -x], 1), b=x[:, None, None] * np.ones((1, 2, 3), np.float32))


made_up.names = ['a', 'b']


def do(clips, store, shard=(0, 1), workers=0):
    todo = extraction.left(extraction.plan(clips, shard, 8, 3), store)
    return list(extraction.extract(todo, Made(), made_up, store, workers))


CLIPS = [Clip(f'c{i}' if i % 7 else f'x{i}', f'{i}.mp4') for i in range(30)]


def read_parquet(folder):
    tables = [pq.read_table(path) for path in sorted(folder.glob('*.parquet'))]
    return [row for table in tables for row in table.to_pylist()], tables


@pytest.mark.parametrize('workers', [0, 2])
def test_every_clip_is_written_once_with_its_array_or_its_error(tmp_path, workers):
    steps = do(CLIPS, Store(str(tmp_path)), workers=workers)
    assert sum(step.clips for step in steps) == 30 and sum(step.unreadable for step in steps) == 5
    rows, tables = read_parquet(tmp_path)
    assert [row['id'] for row in rows] == [clip.id for clip in CLIPS]
    for row in rows:
        if row['id'].startswith('x'):
            assert row['a'] is row['b'] is None and row['error'] == f'{row["video"]}: is broken'
        else:
            value = float(row['id'][1:])
            assert row['a'] == [value, -value] and row['b'] == [value] * 6 and row['error'] == ''
    assert json.loads(tables[0].schema.metadata[b'shapes']) == {'a': [2], 'b': [2, 3]}


def test_a_part_of_broken_videos_has_all_columns(tmp_path):
    """Otherwise, pandas and others would read no arrays at all if it comes first."""
    broken = [Clip(f'x{i}', f'{i}.mp4') for i in range(8)]
    do(broken + CLIPS[1:4], Store(str(tmp_path)))
    rows = pq.read_table(tmp_path).to_pylist()
    assert [row['a'] for row in rows] == [None] * 8 + [[1, -1], [2, -2], [3, -3]]
    schemas = [pq.read_schema(path) for path in sorted(tmp_path.glob('*.parquet'))]
    assert len(schemas) == 2 and schemas[0].remove_metadata() == schemas[1].remove_metadata()


@pytest.mark.parametrize('what, blocks', [
    ('features', ()), ('features', (1, 0)), ('tokens', ()), ('scores', ())])
def test_names_of_arrays_are_known_before(model, config, clips, what, blocks):
    extractor = Extractor(model, what, blocks)
    batch, = ClipReader(config.val_dataloader.dataset.pipeline)(0, clips[:1])
    assert extractor.names == list(extractor(batch.samples))


def test_shards_together_are_the_whole_and_npy_has_an_index(tmp_path):
    for i in range(3):
        do(CLIPS, Store(str(tmp_path), 'npy'), (i, 3))
    found = {}
    for path in sorted(tmp_path.glob('*.csv')):
        a = np.load(path.with_suffix('.a.npy'))
        with path.open() as file:
            for row in csv.DictReader(file):
                assert row['id'] not in found
                found[row['id']] = a[int(row['row'])].tolist() if row['row'] else row['error']
    assert set(found) == {clip.id for clip in CLIPS}
    assert found['c9'] == [9, -9] and found['x14'] == '14.mp4: is broken'
    with pytest.raises(InputError, match='30 clips for 31 shards'):
        extraction.plan(CLIPS, (30, 31), 8, 3)


def test_shards_start_together_and_the_folder_is_read_as_a_whole(tmp_path):
    """As jobs of an array do, which all note the same settings, and perhaps write the same part."""
    def settle_and_write(out):
        store = Store(str(out))
        store.settle(dict(what='features'))
        do(CLIPS[:8], store)

    for i in range(10):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(settle_and_write, [tmp_path / f'{i}'] * 8))
    assert sorted(path.name for path in (tmp_path / '0').iterdir()) == [
        '.extract.json', 'part-001-of-001-00000.parquet']
    assert pq.read_table(tmp_path / '0')['id'].to_pylist() == [clip.id for clip in CLIPS[:8]]


@pytest.mark.parametrize('form', ['parquet', 'npy'])
def test_unreadable_clips_are_tried_again(form, tmp_path, monkeypatch):
    """Only in their parts, which are kept if more cannot be read now."""
    store, whole = Store(str(tmp_path / 'out'), form), Store(str(tmp_path / 'whole'), form)
    todo = extraction.plan(CLIPS[:16], (0, 1), 4, 2)  # x0, x7 and x14 are in the parts 0, 1 and 3

    def retry(read, store=store):
        again = extraction.left(todo, store, retry=True)
        list(extraction.extract(again, read, made_up, store, 0))
        return [int(name[-1]) for name in again.parts]

    def files(store):
        return {path.name: path.read_bytes() for path in Path(store.root).iterdir()}

    assert retry(Made()) == [0, 1, 2, 3]
    before = files(store)
    assert retry(Made(broken='cx')) == [0, 1, 3] and files(store) == before
    assert retry(Made(broken='')) == [0, 1, 3] and retry(Made(broken='cx')) == []
    retry(Made(broken=''), whole)
    assert files(store) == files(whole)
    removed, put = [], store.put
    store.write('part', [extraction.reading.row_of(CLIPS[1])], made_up([1]))
    monkeypatch.setattr(store, 'put', lambda name, data: removed.append(store.has('part')) or put(name, data))
    store.write('part', [extraction.reading.row_of(CLIPS[2])], made_up([2]))
    assert not any(removed) or form == 'parquet'


def test_what_could_not_be_written_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('os.fsync', full)
    with pytest.raises(OSError, match='No space left'):
        do(CLIPS, Store(str(tmp_path)))
    assert not list(tmp_path.iterdir())


def test_what_was_stopped_goes_on_and_ends_the_same(tmp_path, monkeypatch):
    do(CLIPS, Store(str(tmp_path / 'whole')))
    store, computed = Store(str(tmp_path / 'parts')), []

    def dies(samples):
        computed.append(len(samples))
        if len(computed) == 5:  # in the middle of the second part
            raise KeyboardInterrupt
        return made_up(samples)

    dies.names = made_up.names
    todo = extraction.plan(CLIPS, (0, 1), 8, 3)
    with pytest.raises(KeyboardInterrupt):
        list(extraction.extract(todo, Made(), dies, store, 0))
    assert [path.name for path in (tmp_path / 'parts').iterdir()] == ['part-001-of-001-00000.parquet']
    assert sum(step.clips for step in do(CLIPS, store)) == 22
    for path in (tmp_path / 'whole').iterdir():
        assert path.read_bytes() == (tmp_path / 'parts' / path.name).read_bytes()
    assert not do(CLIPS, store)
    # a file that was being written is not taken for a part
    name = 'part-001-of-001-00001.parquet'
    (tmp_path / 'parts' / name).rename(tmp_path / 'parts' / f'.{name}.0123')
    assert sum(step.clips for step in do(CLIPS, store)) == 8


def test_an_address_in_memory(tmp_path):
    """Object stores are reached in the same way; files appear there at once."""
    store = Store('memory://bucket/features')
    store.settle(dict(what='features'))
    do(CLIPS, store)
    do(CLIPS, Store(str(tmp_path)))
    for path in tmp_path.iterdir():
        assert store.fs.cat_file(f'/bucket/features/{path.name}') == path.read_bytes()
    with pytest.raises(InputError, match="was begun with other settings .what: 'features', now 'scores'"):
        store.settle(dict(what='scores'))
    with pytest.raises(InputError, match='nowhere://x: cannot be written to'):
        Store('nowhere://x')
    with pytest.raises(InputError, match="no format 'csv'"):
        Store(str(tmp_path), 'csv')


def test_features_of_a_video_for_actionformer(tmp_path):
    store = Store(str(tmp_path), 'actionformer')
    rows = [dict(id=f'd/{v}.mp4@{i}.000-{i + 1}.000', video='', start=i, stop=i + 1, error='', note='')
            for v in 'ab' for i in range(3)]
    rows.append(dict(id='c', video='c', start=None, stop=None, error='broken', note=''))
    store.write('part', rows, dict(s=np.arange(12.).reshape(6, 2), t=np.ones((6, 1))))
    assert np.load(tmp_path / 'd/b.npy').tolist() == [[6, 7, 1], [8, 9, 1], [10, 11, 1]]
    assert not (tmp_path / 'c.npy').exists() and 'c,c,,,broken,,\n' in (tmp_path / 'part.csv').read_text()


def test_two_videos_never_share_a_file_for_actionformer(mini_root, tmp_path):
    """Neither in the same folder nor in the same list."""
    for name in ('a.mp4', 'b.avi', 'd.x/a.mp4', 'd.x/a.avi'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(mini_root / 'P01/videos/P01_01.mp4', tmp_path / name)
    extraction.check_file_names(read_clips(str(tmp_path))[:3])
    with pytest.raises(InputError, match='../a.mp4: the array of this video would be outside'):
        extraction.check_file_names([Clip('../a.mp4', '../a.mp4')])
    output = run('tools/extract.py', tmp_path, tmp_path / 'out', MINI, '--window', 1, '--format',
                 'actionformer', ok=False)
    assert 'error: d.x/a.avi and d.x/a.mp4 would both be written to d.x/a.npy' in output
    assert not (tmp_path / 'out').exists()


def test_the_command_can_be_killed(mini_root, tmp_path):
    """The features are then those of an undisturbed run; a broken video has its reason."""
    videos = tmp_path / 'videos'
    for i in range(9):
        videos.mkdir(exist_ok=True)
        shutil.copy(mini_root / f'P01/videos/P01_0{1 + i % 2}.mp4', videos / f'{i}.mp4')
    (videos / '4.mp4').write_bytes(b'no video' * 99)
    def arguments(out):
        return ['tools/extract.py', videos, out, MINI, tmp_path / 'model.pth', '--batch-size', 2,
                '--per-part', 2, '--cfg-options', *mini_options(mini_root)]

    cfg = Config.fromfile(MINI)
    torch.save(dict(state_dict=randomised(cfg.model).state_dict()), tmp_path / 'model.pth')
    output = run(*arguments(tmp_path / 'whole'))
    assert '9 clips, 1 of them unreadable' in output
    process = subprocess.Popen([sys.executable, *map(str, arguments(tmp_path / 'parts'))], cwd=ROOT, env=ENV,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not list(tmp_path.glob('parts/*.parquet')):
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert list(tmp_path.glob('parts/*.parquet'))
    run(*arguments(tmp_path / 'parts'))
    (whole, _), (parts, _) = (read_parquet(tmp_path / name) for name in ('whole', 'parts'))
    assert [row['id'] for row in whole] == [f'{i}.mp4' for i in range(9)] and whole == parts
    assert '4.mp4' in whole[4]['error'] and whole[4]['spatial'] is None and len(whole[5]['temporal']) == 64
    assert 'everything is there' in run(*arguments(tmp_path / 'parts'))
    shutil.copy(videos / '0.mp4', videos / '4.mp4')
    assert 'parts: 2 clips, 0 of them unreadable' in run(*arguments(tmp_path / 'parts'), '--retry')
    retried, _ = read_parquet(tmp_path / 'parts')
    assert retried[:4] + retried[5:] == whole[:4] + whole[5:] and retried[4]['error'] == ''
    output = run(*arguments(tmp_path / 'parts'), '--what', 'scores', ok=False)
    assert "was begun with other settings (what: 'features', now 'scores'" in output
    (videos / '8.mp4').unlink()
    output = run(*arguments(tmp_path / 'parts'), ok=False)
    assert f"settings (clips: '9 from {videos}/0.mp4 on" in output and "now '8 from" in output


def test_a_command_that_fails_does_not_keep_the_next_one_out(mini_root, tmp_path):
    """Its folder stays as it was; and without a checkpoint, the weights are the same each time."""
    names = write(tmp_path / 'list.txt', 'P01/videos/P01_01.mp4\nP01/videos/P01_02.mp4\n')
    output = run('tools/extract.py', names, tmp_path / 'a', MINI, ok=False)
    assert 'list.txt: there is no video at P01/videos/P01_01.mp4, and at none of 2 such paths' in output
    arguments = ['tools/extract.py', names, tmp_path / 'a', MINI, '--root', mini_root, '--per-part', 1]
    assert 'there is no block 3; the model has the blocks 1 to 2' in run(*arguments, '--blocks', 3, ok=False)
    assert not (tmp_path / 'a').exists()
    run(*arguments)
    first, second = (tmp_path / f'a/part-001-of-001-0000{i}.parquet' for i in range(2))
    before = second.read_bytes()
    second.unlink()
    run(*arguments)
    assert second.read_bytes() == before and first.exists()


def test_checkpoints_that_are_no_files(tmp_path):
    """Those of the Hub, for instance, are told apart by the weights that they gave."""
    tool, model, file = load_tool('extract.py'), torch.nn.Linear(2, 2), tmp_path / 'a.pth'
    file.write_bytes(b'a')
    found = [tool.fingerprint(checkpoint, model) for checkpoint in (None, str(file), 'hf:me/it', 'hf:me/it')]
    assert found[:2] == ['random', hashlib.sha1(b'a').hexdigest()] and found[2] == found[3]
    torch.nn.init.zeros_(model.bias)
    changed = [tool.fingerprint(checkpoint, model) for checkpoint in (str(file), 'hf:me/it')]
    assert changed[0] == found[1] and changed[1] != found[2]


def test_windows_need_pyav(config, monkeypatch):
    """Without it, every video would be taken for broken."""
    monkeypatch.setitem(sys.modules, 'av', None)
    with pytest.raises(InputError, match='--window needs av; run'):
        SlidingReader(config.val_dataloader.dataset.pipeline, 1., 1., 8)


def test_the_command_is_stopped_by_the_keyboard(mini_root, tmp_path):
    """It ends with one line; the log, which shows no bar, has the time that is left."""
    rows = [f'P01/videos/P01_01.mp4,{i / 200},{1 + i / 200}' for i in range(900)]
    names = write(tmp_path / 'list.csv', '\n'.join(['file,start,stop', *rows]))
    command = ['tools/extract.py', names, tmp_path / 'out', MINI, '--root', mini_root, '--per-part', 20]
    process = subprocess.Popen([sys.executable, *map(str, command)], cwd=ROOT, env=ENV, text=True,
                               start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               # shells let what they run in the background ignore it
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    for line in process.stdout:
        if 'complete' in line:
            break
    assert re.search('00000 is complete: 2[0-8]/900 clips, 0 unreadable so far, about 0:[0-9:]+ left', line)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate()
    assert output.endswith('stopped; the same command goes on with the parts that are missing\n')
    assert process.returncode == 1 and 'Traceback' not in output


def test_a_worker_says_nothing_of_tensors_that_the_keyboard_kept_from_their_reader(monkeypatch, capfd):
    """The thread that hands them over would print a traceback when its reader is gone."""

    def read(job, clips):
        yield extraction.reading.Batch(job, 0, [], [torch.zeros(8)], True)

    def stopped(*args):
        raise KeyboardInterrupt

    batches = iter(extraction.reading.load({0: CLIPS[:1], 1: CLIPS[1:2]}, read, 1))
    assert len(next(batches).samples) == 1
    monkeypatch.setattr(multiprocessing.connection, 'answer_challenge', stopped)
    with pytest.raises(KeyboardInterrupt):
        next(batches)
    time.sleep(1)  # of the worker's last words
    assert 'Traceback' not in capfd.readouterr().err


@pytest.mark.parametrize('options, message', [
    (['--shard', '3/2'], '--shard 3/2: must be I/N with I from 1 to N'),
    (['--format', 'actionformer'], 'give --window and --what features'),
    (['--compile', '--blocks', '1'], 'cannot be read out of a compiled model'),
    (['--stride', '1'], '--stride 1.0 is that of windows; give --window, too'),
    (['--per-part', '0'], 'must be positive'),
    (['--workers', '-1'], 'must be positive')])
def test_options_that_cannot_be_meant(mini_root, tmp_path, options, message):
    assert message in run('tools/extract.py', mini_root, tmp_path, MINI, *options, ok=False)


def test_a_damaged_video_keeps_its_windows(config, tmp_path):
    """Those before the damage, with a note, as FFmpeg takes the end of the file for that of the video."""
    write_frames(tmp_path / 'whole.mkv', np.arange(120) / 12, size=(64, 64))
    data = (tmp_path / 'whole.mkv').read_bytes()
    (tmp_path / 'cut.mkv').write_bytes(data[:len(data) // 2])
    (tmp_path / 'empty.mkv').write_bytes(b'')
    pipeline = config.val_dataloader.dataset.pipeline

    def rows_of(name):
        reader = SlidingReader(pipeline, 1., 1., 3)
        return [row for batch in reader(0, [Clip(name, str(tmp_path / f'{name}.mkv'))]) for row in batch.rows]

    whole, cut, empty = map(rows_of, ('whole', 'cut', 'empty'))
    assert len(whole) == 10 and not any(row['error'] or row['note'] for row in whole)
    assert 0 < len(cut) < 8 and not any(row['error'] for row in cut)
    assert [bool(row['note']) for row in cut] == [False] * (len(cut) - 1) + [True]
    assert 'has 10.0 s, but no pictures behind this window' in cut[-1]['note']
    assert len(empty) == 1 and 'empty.mkv: cannot be opened' in empty[0]['error']


def test_a_connection_that_is_lost_is_an_error_behind_the_windows(config, tmp_path, monkeypatch):
    write_frames(tmp_path / 'a.mkv', np.arange(60) / 12, size=(64, 64))
    reader = SlidingReader(config.val_dataloader.dataset.pipeline, 1., 1., 8)
    opened = reader.reader.open

    def losing(source):
        stream = opened(source)
        packets, broken = [*stream.container.demux(stream.video)], OSError(5, 'Input/output error')

        class Container:
            close = stream.container.close

            def demux(self, _):
                yield from packets[:40]
                raise broken

        stream.container = Container()
        return stream

    monkeypatch.setattr(reader.reader, 'open', losing)
    batch, = reader(0, [Clip('a', str(tmp_path / 'a.mkv'))])
    assert len(batch.rows) == len(batch.samples) + 1 > 2 and not any(row['error'] for row in batch.rows[:-1])
    assert 'is damaged; nothing could be read behind this place' in batch.rows[-1]['error']
