"""Preparing and checking data, on encoded videos."""
import csv
import struct

import cv2
import numpy as np
import pytest
from conftest import MINI, load_tool, mini_options, run
from decord import VideoReader

from mmaction.registry import DATASETS


def write_video(path, frames=40, size=(320, 200), fps=10):
    """A video whose brightness tells the frame: 5 per frame."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), fps, size)
    for i in range(frames):
        writer.write(np.full((size[1], size[0], 3), 5 * i, np.uint8))
    writer.release()


def test_resize_goes_on_where_it_stopped(tmp_path):
    pytest.importorskip('av')
    source, target = tmp_path / 'source', tmp_path / 'target'
    for name in ('a/one.mp4', 'two.avi'):
        write_video(source / name)
    (source / 'bad.mp4').write_bytes(b'no video')
    command = ('tools/data/videos.py', source, target, '--short-side', 64, '--workers', 2)
    output = run(*command, ok=False)
    assert '2 of 3 videos are there' in output and 'bad.mp4' in output
    assert sorted(p.name for p in target.rglob('*.*')) == ['one.mp4', 'two.mp4']  # and no half files
    reader = VideoReader(str(target / 'a/one.mp4'))
    assert len(reader) == 40 and reader[0].shape == (64, 102, 3) and round(reader.get_avg_fps()) == 10
    brightness = reader.get_batch(range(40)).asnumpy().mean((1, 2, 3))
    np.testing.assert_allclose(brightness, 5 * np.arange(40), atol=4)

    before = (target / 'a/one.mp4').stat().st_mtime_ns
    (target / 'two.mp4').unlink()
    (source / 'bad.mp4').unlink()
    assert '2 of 2 videos are there' in run(*command)
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


def test_ssv2_list():
    tool = load_tool('data/ssv2/build_list.py')
    labels = {'Holding something next to something': '13'}
    entries = [dict(id='7', template='Holding [something] next to [something]'), dict(id='8')]
    assert tool.build_list(entries, labels) == ['7.webm 13', '8.webm']
    with pytest.raises(SystemExit, match="video 9: 'Holding two' is none of the 1 labels"):
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
