"""Preparing and checking data, on encoded videos."""
import csv
import importlib
import re
import struct
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import MINI, ROOT, load_tool, mini_options, run
from decord import VideoReader

from mmaction.registry import DATASETS
from projects.cast.utils import InputError, run_tool


def write_video(path, frames=40, size=(320, 200), fps=10):
    """A video whose brightness tells the frame: 5 per frame."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), fps, size)
    for i in range(frames):
        writer.write(np.full((size[1], size[0], 3), 5 * i, np.uint8))
    writer.release()


def call(path, *arguments):
    """Runs a tool in this process; what it gives to the interpreter at its end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, 'argv', [path, *map(str, arguments)])
        patch.syspath_prepend((ROOT / 'tools' / path).parent)
        loaded = sys.modules.get(Path(path).stem)
        if loaded and loaded.__file__ != str(ROOT / 'tools' / path):  # of the same name in another folder
            patch.delitem(sys.modules, Path(path).stem)
        try:
            run_tool(importlib.import_module(Path(path).stem).main)
        except SystemExit as end:
            return end.code


def fails(path, *arguments):
    """The one line with which a tool ends."""
    line = call(path, *arguments)
    assert isinstance(line, str) and '\n' not in line  # Python prints it to stderr and ends with status 1
    return line


def test_resize_goes_on_where_it_stopped(tmp_path, capsys):
    pytest.importorskip('av')
    source, target = tmp_path / 'source', tmp_path / 'target'
    for name in ('a/one.mp4', 'two.avi'):
        write_video(source / name)
    (source / 'bad.mp4').write_bytes(b'no video')
    command = ('data/videos.py', source, target, '--short-side', 64, '--workers', 2)
    assert '1 of 3 videos failed' in (error := fails(*command)) and 'bad.mp4' in error
    assert '2 of 3 videos are there' in capsys.readouterr().out
    assert sorted(p.name for p in target.rglob('*.*')) == ['one.mp4', 'two.mp4']  # and no half files
    reader = VideoReader(str(target / 'a/one.mp4'))
    assert len(reader) == 40 and reader[0].shape == (64, 102, 3) and round(reader.get_avg_fps()) == 10
    brightness = reader.get_batch(range(40)).asnumpy().mean((1, 2, 3))
    np.testing.assert_allclose(brightness, 5 * np.arange(40), atol=4)

    before = (target / 'a/one.mp4').stat().st_mtime_ns
    (target / 'two.mp4').unlink()
    (source / 'bad.mp4').unlink()
    assert call(*command) is None and '2 of 2 videos are there' in capsys.readouterr().out
    assert (target / 'a/one.mp4').stat().st_mtime_ns == before and (target / 'two.mp4').is_file()


@pytest.mark.parametrize('turn', [0, 90, 180, 270])
def test_M6_rotation_metadata_of_phones(tmp_path, turn):
    """The written file looks as decord, which obeys the rotation, shows the original."""
    pytest.importorskip('av')
    source, target = tmp_path / 'phone.mp4', tmp_path / 'out.mp4'
    writer = cv2.VideoWriter(str(source), cv2.VideoWriter_fourcc(*'mp4v'), 10, (96, 64))
    frame = np.zeros((64, 96, 3), np.uint8)
    frame[:32, :48], frame[:32, 48:], frame[32:, :48] = 255, 170, 85  # no two corners are alike
    for _ in range(10):
        writer.write(frame)
    writer.release()
    data = bytearray(source.read_bytes())
    matrix = data.find(b'tkhd') + 44  # ISO/IEC 14496-12: behind times, track, length, layer and volume
    assert struct.unpack('>9i', data[matrix:matrix + 36]) == (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    cos, sin = round(np.cos(np.radians(turn))) << 16, round(np.sin(np.radians(turn))) << 16
    data[matrix:matrix + 36] = struct.pack('>9i', cos, sin, 0, -sin, cos, 0, 0, 0, 1 << 30)
    source.write_bytes(data)

    tool = load_tool('data/videos.py')
    tool.encode(tool.Job(source, target, short_side=64))
    shown, written = (VideoReader(str(path))[5].asnumpy().astype(int) for path in (source, target))
    assert shown.shape == ((64, 96, 3) if turn in (0, 180) else (96, 64, 3)) == written.shape
    assert np.abs(shown - written).mean() < 3


def test_cut_segments_are_the_annotated_frames(tmp_path):
    pytest.importorskip('av')
    write_video(tmp_path / 'videos/P01/videos/P01_01.MP4'.replace('.MP4', '.mp4'))
    ann = tmp_path / 'EPIC_100_train.csv'
    head = 'narration_id,participant_id,video_id,start_timestamp,stop_timestamp,verb_class,noun_class'
    ann.write_text(f'{head}\nP01_01_0,P01,P01_01,00:00:01.00,00:00:02.50,3,7\n'
                   'P01_01_1,P01,P01_01,00:00:00.00,00:00:00.40,0,299\n')
    clips = tmp_path / 'clips'
    run('tools/data/epic_kitchens100/cut_segments.py', ann, tmp_path / 'videos', clips, '--short-side', 64,
        '--workers', 1, '--video-template', '{participant_id}/videos/{video_id}.mp4')
    for name, first, count in (('P01_01_0', 10, 15), ('P01_01_1', 0, 4)):
        reader = VideoReader(str(clips / f'{name}.mp4'))
        assert len(reader) == count
        brightness = reader.get_batch(range(count)).asnumpy().mean((1, 2, 3))
        np.testing.assert_allclose(brightness, 5 * np.arange(first, first + count), atol=4)
    dataset = DATASETS.build(dict(
        type='EpicKitchensDataset', ann_file=str(clips / ann.name), data_prefix=dict(video=str(clips)),
        pipeline=[dict(type='InitVideo')]))
    assert [dataset[i]['label'] for i in range(2)] == [[3, 7], [0, 299]]
    assert dataset[0]['total_frames'] == 15


def test_N10_only_what_was_cut_is_listed(tmp_path):
    pytest.importorskip('av')
    write_video(tmp_path / 'videos/P01_01.mp4')
    head = 'narration_id,participant_id,video_id,start_timestamp,stop_timestamp,verb_class,noun_class'
    rows = ['P01_01_0,P01,P01_01,00:00:01.00,00:00:02.50,3,7',
            'P01_02_0,P01,P01_02,00:00:01.00,00:00:02.00,3,7']
    for given, expected in ((rows, 'P01_01_0,3,7\n'), (rows[1:], None)):
        ann, clips = tmp_path / f'{len(given)}.csv', tmp_path / f'clips{len(given)}'
        ann.write_text('\n'.join([head, *given]))
        error = fails('data/epic_kitchens100/cut_segments.py', ann, tmp_path / 'videos', clips,
                      '--short-side', 64, '--workers', 1, '--video-template', '{video_id}.mp4')
        assert f'1 of {len(given)} videos failed, the first:' in error and 'P01_02.mp4' in error
        assert [(clips / ann.name).read_text()] == [expected] if expected else not (clips / ann.name).exists()


@pytest.fixture
def careless(tmp_path):
    """What can be given by mistake."""
    write_video(tmp_path / 'twice/one.mp4')
    write_video(tmp_path / 'twice/one.avi')
    (tmp_path / 'empty').mkdir()
    for name, text in (('half.json', '[{"id": "1", '), ('list.json', '[1]'), ('dict.json', '{"a": "0"}'),
                       ('clips.csv', 'P01_01_0,3,7\n'), ('file', 'x'), ('columns.csv', 'a,b\n1,2\n')):
        (tmp_path / name).write_text(text)
    return tmp_path


EPIC, SSV2 = 'data/epic_kitchens100/cut_segments.py', 'data/ssv2/build_list.py'


@pytest.mark.parametrize('tool, arguments, message', [
    ('data/videos.py', '{0}/lost {0}/out', 'lost: no such folder'),
    ('data/videos.py', '{0}/file {0}/out', 'file: no such folder'),
    ('data/videos.py', '{0}/empty {0}/out', 'empty: there are no videos'),
    ('data/videos.py', '{0}/twice {0}/out', 'out/one.mp4: two videos of SOURCE'),
    ('data/videos.py', '{0}/twice {0}/file', 'file: File exists'),
    ('data/videos.py', '{0}/twice {0}/out --short-side 0', '--short-side 0: must be at least 16'),
    (EPIC, '{0}/lost.csv {0} {0}/out', 'lost.csv: no such annotation file'),
    (EPIC, '{0}/empty {0} {0}/out', 'empty: cannot be read .Is a directory'),
    (EPIC, '{0}/clips.csv {0} {0}/out', 'clips.csv: has no column start_timestamp'),
    (EPIC, '{0}/columns.csv {0} {0}/out', 'columns.csv, line 1: cannot be read'),
    (SSV2, '{0}/lost.json {0}/dict.json {0}/out', 'lost.json: no such'),
    (SSV2, '{0}/half.json {0}/dict.json {0}/out', 'half.json: is no complete JSON'),
    (SSV2, '{0}/dict.json {0}/list.json {0}/out', 'dict.json: holds a dict, not a list; first comes'),
    (SSV2, '{0}/list.json {0}/dict.json {0}/out', 'entry 1 has no id'),
    (SSV2, '{0}/empty {0}/dict.json {0}/out', 'empty: cannot be read .Is a directory'),
    ('data/mini_kitchens/generate.py', '{0}/out --actions 0', '--actions 0: must be from 1 to 1000'),
    ('data/mini_kitchens/generate.py', '{0}/out --seed -1', '--seed -1: must be from 0'),
    ('data/mini_kitchens/generate.py', '{0}/file', 'file.*: Not a directory'),
])
def test_careless_input_ends_with_one_line(careless, tool, arguments, message):
    assert re.search(message, fails(tool, *arguments.format(careless).split()))


@pytest.mark.parametrize('options, message', [
    (['train_dataloader.dataset.ann_file={0}/lost.csv'], 'train: .*lost.csv: no such annotation file'),
    (['train_dataloader.dataset.ann_file={0}/columns.csv'], 'train: .*columns.csv, line 1: '),
    (['train_dataloader.dataset.pipeline=[]'], 'train_dataloader.dataset has no pipeline with clip_len'),
])
def test_careless_input_of_check(careless, options, message):
    options = [option.format(careless) for option in options]
    assert re.search(message, fails('data/check.py', MINI, '--cfg-options', *options))
    assert re.search('empty: Is a directory', fails('data/check.py', MINI, '--report', careless / 'empty'))


def test_ssv2_list():
    tool = load_tool('data/ssv2/build_list.py')
    labels = {'Holding something next to something': '13'}
    entries = [dict(id='7', template='Holding [something] next to [something]'), dict(id='8')]
    assert tool.build_list(entries, labels) == ['7.webm 13', '8.webm']
    with pytest.raises(InputError, match="video 9: 'Holding two' is none of the 1 labels"):
        tool.build_list([dict(id='9', template='Holding [two]')], labels)


def test_check(mini_root, tmp_path):
    options = mini_options(mini_root)
    output = run('tools/data/check.py', MINI, '--counts', tmp_path / 'counts.csv', '--cfg-options', *options)
    counts = list(csv.DictReader((tmp_path / 'counts.csv').open()))
    assert len(counts) == 2 * 2 * 6 and sum(int(row['samples']) for row in counts) == 2 * (8 + 4)
    assert 'train: 8 samples, 0 missing, 0 broken, 0 short' in output and 'verb: ' in output

    text = (mini_root / 'EPIC_100_train.csv').read_text().replace('P01_02', 'P01_77', 3)
    ann = tmp_path / 'bad.csv'
    ann.write_text(text.replace('00:00:00.333,00:00:01.833', '00:00:00.333,00:00:00.500', 1))
    report = tmp_path / 'report.csv'
    output = run('tools/data/check.py', MINI, '--split', 'train', '--report', report, '--cfg-options',
                 *options, f'train_dataloader.dataset.ann_file={ann}', ok=False)
    assert 'train: 8 samples, 1 missing, 0 broken, 1 short' in output
    assert 'P01_77.mp4: no such video' in output
    short, missing = csv.DictReader(report.open())
    assert (short['kind'], missing['kind']) == ('short', 'missing')
    assert '2 frames, a clip takes 8' in short['problem']


def test_N10_check_keeps_the_decoder_quiet(mini_root, tmp_path, capfd):
    bad = tmp_path / 'P01/videos/P01_01.mp4'
    bad.parent.mkdir(parents=True)
    bad.write_bytes((mini_root / 'P01/videos/P01_01.mp4').read_bytes()[:2000])
    options = [*mini_options(mini_root), f'train_dataloader.dataset.data_prefix.video={tmp_path}']
    assert call('data/check.py', MINI, '--split', 'train', '--cfg-options', *options) is True
    out, error = capfd.readouterr()
    assert 'train: 8 samples, 4 missing, 4 broken, 0 short' in out
    assert 'moov' not in error and 'ERROR' not in error
