"""One's own lists of videos and segments."""
import csv
import sys
from collections import Counter

import numpy as np
import pytest
import torch
from conftest import ROOT

from mmaction.evaluation.functional import mean_average_precision
from mmaction.registry import DATASETS, MODELS
from mmaction.structures import ActionDataSample
from projects.cast.datasets.segment_list import seconds
from projects.cast.evaluation import AccuracyMetric
from projects.cast.utils import InputError

sys.path.insert(0, str(ROOT / 'tools/data'))
import _own_clips as own  # noqa: E402
import folder_list  # noqa: E402


@pytest.fixture
def build(tmp_path):
    def make(text, num_classes=3, **kwargs):
        (tmp_path / 'list.csv').write_text(text)
        return DATASETS.build(dict(
            type='SegmentListDataset', ann_file=str(tmp_path / 'list.csv'), num_classes=num_classes,
            pipeline=[], data_prefix=dict(video='videos'), **kwargs))

    return make


def test_one_label(build):
    data = build('\ufefffile,label,start,stop\na b.mp4,2,,\n"c,d.mp4",0,1:02.5,0:01:10\n')
    whole, part = (data.get_data_info(i) for i in range(2))
    assert whole['filename'] == 'videos/a b.mp4' and whole['label'] == 2 and 'start_time' not in whole
    assert part['filename'] == 'videos/c,d.mp4' and (part['start_time'], part['stop_time']) == (62.5, 70)
    assert [seconds(text) for text in ('7', '7.25', '2:07', '1:00:01.5')] == [7, 7.25, 127, 3601.5]


def test_several_labels_and_tasks(build):
    data = build('file,labels\na.mp4,0;2\nb.mp4,\n', multi_class=True)
    assert [data.get_data_info(i)['label'].tolist() for i in range(2)] == [[1, 0, 1], [0, 0, 0]]
    data = build('file,noun,verb,tool\na.mp4,3,1,0\n', dict(tool=1, verb=2, noun=4))
    info = data.get_data_info(0)
    assert info['gt_label'] == dict(verb=1, noun=3, tool=0) and info['label'] == [1, 3, 0]
    data = build('file\na.mp4\n', test_mode=True)
    assert data.get_data_info(0)['label'] == -1


@pytest.mark.parametrize('text, kwargs, message', [
    ('a.mp4 1\n', {}, r"has the columns \['a.mp4 1'\], but not \['file', 'label'\]"),
    ('file,label\n', {}, 'has a header, but no rows'),
    ('file,label\na.mp4,3\n', {}, r'line 2: label 3 is out of range, there are 3 \(0 to 2\)'),
    ('file,label\na.mp4,-1\n', {}, 'line 2: label -1 is out of range'),
    ('file,label\na.mp4,cut\n', {}, "line 2: cannot be read .*'cut'"),
    ('file,label\na.mp4,1,5\n', {}, 'more values than columns'),
    ('file,label\na.mp4\n', {}, 'line 2: cannot be read'),
    ('file,label,start,stop\na.mp4,1,3,\n', {}, 'line 2: a segment needs both start and stop'),
    ('file,label,start,stop\na.mp4,1,3,2\n', {}, 'line 2: the segment starts at 3.00 s and stops at 2.00 s'),
    ('file,label,start,stop\na.mp4,1,nan,2\n', {}, 'line 2: the segment starts at nan s'),
    ('file,label,start,stop\na.mp4,1,-1,2\n', {}, 'line 2: the segment starts at -1.00 s'),
    ('file,label,start,stop\na.mp4,1,x,2\n', {}, "line 2: cannot be read .*'x'"),
    ('file,labels\na.mp4,0;7\n', dict(multi_class=True), 'line 2: label 7 is out of range'),
    ('file,verb\na.mp4,0\n', dict(num_classes=dict(verb=2, noun=2)), r"but not \['noun'\]")])
def test_bad_lists_are_named(build, text, kwargs, message):
    with pytest.raises(InputError, match=f'list.csv.*{message}'):
        build(text, **kwargs)


def clips(*rows):
    """Clips of ``(file, labels)``."""
    return [own.Clip(file, '', '', dict(labels=tuple(labels))) for file, labels in rows]


def test_a_class_gives_its_share_and_keeps_a_video():
    rows = [(f'{name}{i}', name) for name, count in zip('abcd', (50, 10, 2, 1)) for i in range(count)]
    sides = own.draw_split(clips(*rows), 0.2, seed=0)
    held_out = Counter(name for (_, name), side in zip(rows, sides) if side == 'val')
    assert held_out == dict(a=10, b=2, c=1)  # the only video of d is needed in training
    assert sides == own.draw_split(clips(*rows), 0.2, seed=0) != own.draw_split(clips(*rows), 0.2, seed=1)


def test_segments_of_a_video_are_never_separated():
    rng = np.random.default_rng(0)
    rows = [(f'video {i}', 'abcdef'[rng.integers(6)]) for i in range(40) for _ in range(rng.integers(1, 30))]
    sides = own.draw_split(clips(*rows), 0.25, seed=3)
    assert len({(file, side) for (file, _), side in zip(rows, sides)}) == 40
    total, there = Counter(name for _, name in rows), Counter(
        name for (_, name), side in zip(rows, sides) if side == 'val')
    assert all(abs(there[name] / total[name] - 0.25) < 0.08 for name in 'abcdef')


def test_folders_that_are_split_already(tmp_path):
    for name in ('train/cut/a.mp4', 'train/peel/b.MP4', 'val/cut/c.webm', 'train/cut/notes.txt'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = own.read_folder(tmp_path)
    assert [(clip.file, clip.labels['label'], clip.split) for clip in found] == [
        ('train/cut/a.mp4', ('cut', ), 'train'), ('train/peel/b.MP4', ('peel', ), 'train'),
        ('val/cut/c.webm', ('cut', ), 'val')]
    (tmp_path / 'loose.mp4').touch()
    with pytest.raises(InputError, match='loose.mp4: lies in no folder of a class'):
        own.read_folder(tmp_path)
    with pytest.raises(InputError, match='there are no videos'):
        own.read_folder(tmp_path / 'train/cut/none')


@pytest.mark.parametrize('text, message', [
    ('video,label\na,b\n', r"lacks \['file'\]"),
    ('file,verb\na,b\n', 'it needs file and label, file and labels, or file and those of --tasks'),
    ('file,label\n', 'has a header, but no rows'),
    ('file,label\na.mp4,\n', 'line 2: has no label'),
    ('file,label,split\na.mp4,b,later\n', "line 2: split 'later' is unknown"),
    ('file,label,start,stop\na.mp4,b,5,\n', 'line 2: a segment needs a start and a later stop'),
    ('file,label,start,stop\na.mp4,b,5,4\n', 'line 2: a segment needs a start and a later stop'),
    ('file,label,start,stop\na.mp4,b,five,6\n', 'line 2: start and stop are seconds')])
def test_bad_csvs_are_named(tmp_path, text, message):
    (tmp_path / 'list.csv').write_text(text)
    with pytest.raises(InputError, match=f'list.csv.*{message}'):
        own.read_csv(tmp_path / 'list.csv', [])


def test_what_cannot_be_used_is_left_out_and_named(mini_root, tmp_path, monkeypatch, capsys):
    good = mini_root / 'P01/videos/P01_01.mp4'
    for i, name in enumerate(('10', '9', 'ten')):
        for k in range(3):
            path = tmp_path / f'videos/{name}/{k}.mp4'
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b'no video' if (i, k) == (0, 0) else good.read_bytes())
    out = tmp_path / 'out'
    monkeypatch.setattr(sys, 'argv', [
        'folder_list.py', str(tmp_path / 'videos'), str(out), '--workers', '1', '--class-weights'])
    folder_list.main()
    printed = capsys.readouterr().out
    assert '1 clips cannot be used' in printed and 'train: 5 clips of 5 videos' in printed
    assert (out / 'classes.txt').read_text().split() == ['9', '10', 'ten']  # numbers by their value
    with (out / 'unusable.csv').open() as file:
        row, = csv.DictReader(file)
    assert row['file'] == '10/0.mp4' and 'cannot be read as a video' in row['problem']
    assert "'class_weight': [0.75, 1.5, 0.75]" in (out / 'config.py').read_text()
    for name in ('9', '10', 'ten'):
        for path in (tmp_path / 'videos' / name).glob('*.mp4'):
            path.write_bytes(b'no video')
    with pytest.raises(InputError, match='none of the 9 clips can be used; the first: .*0.mp4'):
        folder_list.main()


def sample(label):
    return ActionDataSample().set_gt_label(torch.tensor(label))


def test_a_head_for_any_number_of_labels():
    head = MODELS.build(dict(
        type='FusedHead', num_classes=3, in_channels=4, multi_class=True,
        loss_cls=dict(type='BCELossWithLogits')))
    scores = torch.tensor([[0., 2, -1], [1, 1, 1]])
    labels = [[1., 0, 1], [0, 0, 0]]
    loss = head.loss_by_feat(scores, [sample(label) for label in labels])
    p, y = scores.sigmoid(), torch.tensor(labels)
    expected = -(y * p.log() + (1 - y) * (1 - p).log()).mean()
    assert list(loss) == ['loss_cls'] and loss['loss_cls'].item() == pytest.approx(expected.item())
    one = head.loss_by_feat(scores[:1], [sample(labels[0])])  # a batch of one
    assert one['loss_cls'].item() == pytest.approx(-(y * p.log() + (1 - y) * (1 - p).log())[0].mean().item())
    predicted, = head.predict_by_feat(scores, [sample(labels[0])])  # two views of one clip
    torch.testing.assert_close(predicted.pred_score, p.mean(0))


def test_mean_average_precision_in_percent():
    rng = np.random.default_rng(0)
    scores, labels = rng.random((20, 4)).astype(np.float32), rng.integers(0, 2, (20, 4)).astype(np.float32)
    metric = AccuracyMetric(metric_list='mean_average_precision')
    samples = [dict(pred_score=torch.tensor(score), gt_label=torch.tensor(label))
               for score, label in zip(scores, labels)]
    metric.process(None, samples)
    whole = metric.compute_metrics(metric.results)
    assert whole == {'mean_average_precision': pytest.approx(100 * mean_average_precision(scores, labels))}
    metric.results.clear()
    metric.process(None, [{**samples[0], 'broken': True}, *samples[1:]])
    broken = metric.compute_metrics(metric.results)
    assert broken['broken'] == 1
    scores[0][labels[0] == 1] = np.finfo(np.float32).min
    assert broken['mean_average_precision'] == pytest.approx(100 * mean_average_precision(scores, labels))


def test_losses_by_task():
    weights = dict(verb=[1., 3.], noun=[2., 1., 1.])
    head = MODELS.build(dict(
        type='MultiTaskHead', num_classes=dict(verb=2, noun=3), in_channels=4,
        loss_cls={task: dict(type='CrossEntropyLoss', class_weight=w) for task, w in weights.items()}))
    scores = dict(verb=torch.randn(5, 2), noun=torch.randn(5, 3))
    labels = dict(verb=torch.tensor([0, 1, 1, 0, 1]), noun=torch.tensor([0, 1, 2, 2, 0]))
    samples = [ActionDataSample() for _ in range(5)]
    for i, one in enumerate(samples):
        one.set_field({task: int(label[i]) for task, label in labels.items()}, 'gt_label')
    losses = head.loss_by_feat(scores, samples)
    for task in labels:
        expected = torch.nn.functional.cross_entropy(scores[task], labels[task], torch.tensor(weights[task]))
        assert losses[f'loss_{task}'].item() == pytest.approx(expected.item())
    with pytest.raises(InputError, match=r"loss_cls has the tasks \['verb'\], num_classes "):
        MODELS.build(dict(type='MultiTaskHead', num_classes=dict(verb=2, noun=3), in_channels=4,
                          loss_cls=dict(verb=dict(type='CrossEntropyLoss'))))
