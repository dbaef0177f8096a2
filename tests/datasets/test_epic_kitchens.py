import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import Compose

from mmaction.registry import DATASETS
from projects.cast.datasets import EpicKitchensDataset, VideoError, read_label_map
from projects.cast.datasets.annotations import read_annotations
from projects.cast.evaluation.verb_noun_metric import read_column
from projects.cast.utils import InputError

SHARED = Path(__file__).parents[3] / 'shared/data'
HEADER = ('narration_id,participant_id,video_id,narration_timestamp,start_timestamp,stop_timestamp,'
          'start_frame,stop_frame,narration,verb,verb_class,noun,noun_class,all_nouns,all_noun_classes\n')
PIPELINE = [
    dict(type='InitVideo'),
    dict(type='UniformSample', clip_len=4, test_mode=True),
    dict(type='DecodeVideo'),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=('filename', 'narration_id'))
]


def row(start='00:00:02.00', stop='00:00:04.00', verb=3, noun=5, video='P01_01'):
    return f'{video}_0,P01,{video},{start},{start},{stop},1,2,x,v,{verb},n,{noun},"[\'n\']",[5]\n'


@pytest.fixture
def root(tmp_path):
    """One video of 60 frames at 10 fps whose brightness tells the frame: 4 per frame."""
    path = tmp_path / 'P01/videos/P01_01.MP4'
    path.parent.mkdir(parents=True)
    writer = cv2.VideoWriter(str(path.with_suffix('.mp4')), cv2.VideoWriter_fourcc(*'mp4v'), 10, (64, 48))
    for i in range(60):
        writer.write(np.full((48, 64, 3), 4 * i, np.uint8))
    writer.release()
    os.rename(path.with_suffix('.mp4'), path)
    return tmp_path


def write(path, text):
    path.write_text(text, encoding='utf-8')
    return str(path)


def build(root, text, **kwargs):
    return DATASETS.build(dict(
        type='EpicKitchensDataset', ann_file=write(root / 'ann.csv', text), data_prefix=dict(video=str(root)),
        pipeline=PIPELINE, test_mode=True, **kwargs))


def test_segment_is_sampled_inside_the_long_video(root):
    dataset = build(root, HEADER + row() + row('00:00:00.00', '00:01:00.00'))
    sample = dataset[0]
    assert sample['data_samples'].gt_label.tolist() == [3, 5]
    assert sample['data_samples'].narration_id == 'P01_01_0'
    frames = (sample['inputs'].float().mean(dim=(0, 1, 3, 4)) / 4).round()
    assert 20 <= frames.min() and frames.max() < 40 and (frames.diff() > 0).all()
    frames = (dataset[1]['inputs'].float().mean(dim=(0, 1, 3, 4)) / 4).round()
    assert frames.max() > 45  # a segment past the end is cut at the end


def test_list_of_trimmed_clips(root):
    os.rename(root / 'P01/videos/P01_01.MP4', root / 'P01_01_0.mp4')
    dataset = build(root, 'P01_01_0,96,299\n')
    assert len(dataset) == 1
    assert dataset[0]['data_samples'].gt_label.tolist() == [96, 299]
    assert dataset.get_data_info(0)['filename'] == str(root / 'P01_01_0.mp4')


@pytest.mark.parametrize('text, message', [
    (HEADER + row(verb=97), r'ann.csv, line 2: verb class 97 is out of range, there are 97 \(0 to 96\)'),
    (HEADER + row() + row(noun=-1), 'ann.csv, line 3: noun class -1 is out of range'),
    ('P01_01_0,3,300\n', 'ann.csv, line 1: noun class 300 is out of range'),
    ('P01_01_0 3\n', 'ann.csv, line 1: cannot be read'),
    (HEADER + row('1.5'), "line 2: cannot be read .*'1.5' is not HH:MM:SS.ss"),
    (HEADER + row('00:00:04.00', '00:00:02.00'), 'starts at 4.00 s and stops at 2.00 s'),
])
def test_bad_rows(root, text, message):
    with pytest.raises(ValueError, match=message):
        build(root, text)


def test_minor5_byte_order_mark_of_excel(root):
    mark = '\ufeff'
    assert build(root, mark + HEADER + row()).get_data_info(0)['label'] == [3, 5]
    assert build(root, mark + 'a,3,5\n').get_data_info(0)['narration_id'] == 'a'
    videos = DATASETS.build(dict(
        type='VideoListDataset', ann_file=write(root / 'list.txt', mark + 'a.mp4 1\n'), num_classes=2,
        pipeline=[], data_prefix=dict(video='')))
    assert videos.get_data_info(0)['filename'] == 'a.mp4'
    assert read_label_map(write(root / 'map.txt', mark + 'one\ntwo\n')) == ['one', 'two']
    assert read_label_map(write(root / 'map.csv', mark + 'id,key\n1,two\n0,one\n')) == ['one', 'two']
    assert read_column(write(root / 'tail.csv', mark + 'verb\n7\n')) == {'7'}
    assert read_column(write(root / 'no_header.csv', 'verb\n7\n')) == {'7'}


@pytest.mark.parametrize('text, message', [
    ('', 'ann.csv: is empty; it must list at least one video'), ('\n \n', 'ann.csv: is empty'),
    (HEADER, 'ann.csv: has a header, but no rows')])
def test_minor6_empty_annotations(root, text, message):
    with pytest.raises(InputError, match=message):
        build(root, text)
    if not text.strip():
        with pytest.raises(InputError, match='list.txt: is empty'):
            DATASETS.build(dict(
                type='VideoListDataset', ann_file=write(root / 'list.txt', text), num_classes=2, pipeline=[]))


@pytest.mark.parametrize('text', ['narration_id,verb,noun\nclip_7,3,5\n',
                                  'narration_id, verb, noun\nclip_7,3,5\n',
                                  'noun_class,narration_id,verb,verb_class\n5,clip_7,take,3\n'])
def test_minor7_list_with_its_header(root, text):
    info = build(root, text).get_data_info(0)
    assert info['label'] == [3, 5] and info['narration_id'] == 'clip_7' and 'start_time' not in info
    assert info['filename'] == str(root / 'clip_7.mp4') and len(build(root, text)) == 1


@pytest.mark.parametrize('text', ['0007\n', 'narration_id\n0007\n', '0007,,\n'])
def test_minor7_numeric_ids_without_labels(root, text):
    info = build(root, text).get_data_info(0)
    assert info['label'] == [-1, -1] and info['filename'] == str(root / '0007.mp4')


def test_N3_video_template_that_does_not_fit(root):
    message = (r"line 1: video_template='\{participant_id\}/\{video_id\}.mp4' does not fit the columns "
               r"\['narration_id', 'verb', 'noun'\] .*as in video_template='\{narration_id\}")
    with pytest.raises(InputError, match=message):
        build(root, 'a,3,5\n', video_template='{participant_id}/{video_id}.mp4')


@pytest.mark.parametrize('text, message', [
    ('a,3,5,6,7\n', 'line 1: has 2 columns more than narration_id,verb,noun'),
    ('a;3;5\n', 'line 1: cannot be read'),
    ('a,take,cup\n', 'list of narration_id,verb,noun with class numbers')])
def test_lists_of_other_forms_are_refused(root, text, message):
    with pytest.raises(InputError, match=message):
        build(root, text)


def test_annotations_that_are_no_text(root):
    (root / 'utf16.csv').write_text('a,3,5\n', encoding='utf-16')
    (root / 'ids.csv').write_text('number,name\n0,one\n')
    (root / 'short.csv').write_text('id,key\n0\n0,one\n')
    for read, name, message in (
            (read_annotations, 'utf16.csv', 'utf16.csv: byte 0 is no text in UTF-8; save'),
            (read_annotations, 'P01', 'P01: cannot be read .Is a directory'),
            (read_label_map, 'P01', 'P01: cannot be read .Is a directory'),
            (read_label_map, 'ids.csv', 'ids.csv: needs the columns id .* and key'),
            (read_label_map, 'short.csv', 'short.csv: must have exactly one name for each class from 0 to')):
        with pytest.raises(InputError, match=message):
            read(str(root / name))


def test_no_annotation_file(root):
    with pytest.raises(FileNotFoundError, match='lost.csv: no such annotation file'):
        DATASETS.build(dict(type='EpicKitchensDataset', ann_file='lost.csv', pipeline=[]))


def test_bad_videos(root):
    with pytest.raises(VideoError, match='P01_02.MP4: no such video'):
        build(root, HEADER + row(video='P01_02'))[0]
    with pytest.raises(VideoError, match=r'has 60 frames \(6.00 s\), but the segment is from 7.00 to 8'):
        build(root, HEADER + row('00:00:07.00', '00:00:08.00'))[0]
    (root / 'P01/videos/P01_03.MP4').write_bytes(b'not a video' * 100)
    with pytest.raises(VideoError, match='P01_03.MP4: cannot be read as a video'):
        build(root, HEADER + row(video='P01_03'))[0]
    pipeline = Compose(PIPELINE[2:3])
    reader = type('Reader', (), {'get_batch': lambda self, i: (_ for _ in ()).throw(RuntimeError())})
    with pytest.raises(VideoError, match='a.mp4: frames 3 to 9 cannot be decoded'):
        pipeline(dict(filename='a.mp4', video_reader=reader(), frame_inds=np.array([3, 9])))


def test_unlabelled_test_set(root):
    """The challenge's file: no label columns. It can be tested on, but not trained on."""
    columns = HEADER.split(',')[:8]
    text = ','.join(columns) + '\n' + ','.join(row().split(',')[:8]) + '\n'
    dataset = build(root, text)
    assert dataset[0]['data_samples'].gt_label.tolist() == [-1, -1]
    assert dataset[0]['inputs'].shape == (1, 3, 4, 48, 64)
    with pytest.raises(ValueError, match='ann.csv, line 2: cannot be read'):
        DATASETS.build(dict(type='EpicKitchensDataset', ann_file=str(root / 'ann.csv'), pipeline=[]))


def test_label_maps(tmp_path):
    counts = dict(ek100_verb=97, ek100_noun=300, ssv2=174, k400=400, kinetics_sound=31)
    for name, count in counts.items():
        names = read_label_map(name)
        assert len(set(names)) == count and all(names)
    assert read_label_map('ek100_verb')[0] == 'take' and read_label_map('k400')[0] == 'abseiling'
    (tmp_path / 'own.txt').write_text('one\ntwo\n')
    assert read_label_map(str(tmp_path / 'own.txt')) == ['one', 'two']
    with pytest.raises(FileNotFoundError, match='one of ek100_noun, ek100_verb, k400, kinetics_sound, ssv2'):
        read_label_map('ssv3')


@pytest.mark.skipif(not SHARED.is_dir(), reason='the real annotations are not on this machine')
@pytest.mark.parametrize('name, count', [
    ('epic-kitchens-100-annotations/EPIC_100_validation.csv', 9668),
    ('cast-annotations/ek100/train.csv', 67217), ('cast-annotations/ek100/val.csv', 9668)])
def test_real_annotations(name, count):
    dataset = DATASETS.build(dict(
        type='EpicKitchensDataset', ann_file=str(SHARED / name), pipeline=[]))
    assert len(dataset) == count
    assert all(info['filename'] for info in (dataset.get_data_info(0), dataset.get_data_info(count - 1)))


def test_any_tasks_by_the_names_of_their_columns(tmp_path):
    """Labels go by name through MMAction2's own packing, whatever the order of columns and keys."""
    (tmp_path / 'ann.csv').write_text('narration_id,tool,hand_class,hand,verb\na,4,1,left,2\nb,0,0,right,1\n')
    (tmp_path / 'head.csv').write_text('a,1,2\n')
    pack = dict(type='PackActionInputs', algorithm_keys=('gt_label', ))
    frames = dict(imgs=torch.zeros(1))
    dataset = EpicKitchensDataset(
        str(tmp_path / 'ann.csv'), [lambda results: {**results, **frames}, pack],
        num_classes=dict(verb=3, tool=5, hand=2))
    assert [sample['data_samples'].gt_label for sample in dataset] == [
        dict(verb=2, tool=4, hand=1), dict(verb=1, tool=0, hand=0)]
    assert dataset.get_data_info(0)['label'] == [2, 1, 4]  # verb, then by name
    with pytest.raises(InputError, match='head.csv, line 1: cannot be read .*tool'):
        EpicKitchensDataset(str(tmp_path / 'head.csv'), [], num_classes=dict(verb=3, tool=5))
