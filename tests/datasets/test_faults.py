"""Broken videos in training and testing, and samples' own random states."""
from pathlib import Path

import numpy as np
import pytest
import torch

from mmaction.registry import DATASETS
from projects.cast.datasets import VideoError
from projects.cast.datasets.seeding import SeededIndex, SeededSampler
from projects.cast.evaluation import AccuracyMetric
from projects.cast.utils import InputError

SHARED = Path(__file__).parents[3] / 'shared/data/cast-annotations'
PIPELINE = [
    dict(type='InitVideo'), dict(type='UniformClips', clip_len=4), dict(type='DecodeVideo'),
    dict(type='RandomCrop', size=32), dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=('filename', ))
]


@pytest.fixture
def build(mini_root, tmp_path):
    """Two whole videos, one that is no video and one that is not there."""
    (tmp_path / 'bad.mp4').write_bytes(b'no video' * 50)
    good = [mini_root / f'P01/videos/P01_0{i}.mp4' for i in (1, 2)]
    ann = tmp_path / 'list.txt'

    def make(*bad, text=None, **kwargs):
        ann.write_text(text or ''.join(f'{path} {i}\n' for i, path in enumerate([*good, *bad])))
        return DATASETS.build(dict(
            type='VideoListDataset', ann_file=str(ann), pipeline=PIPELINE, num_classes=6,
            **{'data_prefix': dict(video=str(tmp_path)), **kwargs}))

    return make


def test_training_draws_another(build, caplog):
    dataset = build('bad.mp4', 'lost.mp4', max_broken=0.7)
    for i in (2, 3):
        for _ in range(5):
            assert dataset[i]['data_samples'].gt_label.item() in (0, 1)
    assert dataset.broken >= 10 and dataset.drawn == dataset.broken + 10


def test_training_stops_when_too_many_are_broken(build):
    dataset = build('bad.mp4', max_broken=0.05)
    message = r'6 of the first \d+ videos .* max_broken=0.05 .*bad.mp4: cannot be'
    with pytest.raises(VideoError, match=message):
        for _ in range(100):
            dataset[2]
    with pytest.raises(VideoError, match='lost.mp4: no such video'):
        build('lost.mp4', max_broken=0.)[2]


def test_testing_stops_or_scores_as_wrong(build):
    with pytest.raises(VideoError, match='bad.mp4: cannot be read'):
        build('bad.mp4', test_mode=True)[2]
    dataset = build('bad.mp4', 'lost.mp4', test_mode=True, broken_as_wrong=True)
    metric = AccuracyMetric()
    for i in range(4):
        sample = dataset[i]
        assert sample['inputs'].shape == (1, 3, 4, 32, 32)
        assert bool(sample['inputs'].any()) == (i < 2)
        scores = torch.full((6, ), 0.1)
        scores[i] = 0.5  # the model is always right, were it not for the files
        metric.process(None, [dict(sample['data_samples'].to_dict(), pred_score=scores)])
    result = metric.evaluate(4)
    assert result['acc/top1'] == result['acc/top5'] == 50 and result['acc/broken'] == 2


@pytest.mark.parametrize('text, message', [
    ('a.mp4 6\n', r'list.txt, line 1: label 6 is out of range, there are 6 \(0 to 5\)'),
    ('a.mp4 1\n\nb.mp4 x\n', "line 3: 'x' is no class index"),
    ('a.mp4\n', 'line 1: label -1 is out of range')])
def test_bad_lists(build, text, message):
    with pytest.raises(ValueError, match=message):
        build(text=text)


def test_lists(build, tmp_path):
    dataset = build(text='some folder/a b.mp4 3\n')
    info = dataset.get_data_info(0)
    assert info['filename'] == str(tmp_path / 'some folder/a b.mp4') and info['label'] == 3
    assert build(text='a.mp4\n', test_mode=True).get_data_info(0)['label'] == -1
    with pytest.raises(FileNotFoundError, match='nowhere.txt: no such annotation file'):
        DATASETS.build(dict(type='VideoListDataset', ann_file='nowhere.txt', pipeline=[], num_classes=2))


def test_minor6_lists_separated_by_tabs_or_commas(build, tmp_path):
    info = build(text='some folder/a b.mp4\t3\n').get_data_info(0)
    assert info['filename'] == str(tmp_path / 'some folder/a b.mp4') and info['label'] == 3
    for line in ('a.mp4,1', 'a.mp4, 1', 'a.mp4;1'):
        for test_mode in (False, True):
            with pytest.raises(InputError, match=f"line 2: '{line}' has no blank or tab between FILE and"):
                build(text=f'b.mp4 1\n{line}\n', test_mode=test_mode)
    assert build(text='a.mp4,1\n', delimiter=',').get_data_info(0)['label'] == 1


def draw(dataset, workers, epoch, repeats=1):
    sampler = SeededSampler(dataset, seed=3, repeats=repeats)
    sampler.set_epoch(epoch)
    loader = torch.utils.data.DataLoader(
        dataset, batch_size=2, sampler=sampler, num_workers=workers,
        collate_fn=lambda batch: [(b['data_samples'].filename, b['inputs']) for b in batch])
    return [sample for batch in loader for sample in batch]


def test_augmentation_follows_from_seed_epoch_and_sample(build):
    dataset = build()
    np.random.seed(1)
    first = draw(dataset, 0, epoch=0)
    np.random.seed(2)
    for again in (draw(dataset, 0, epoch=0), draw(dataset, 2, epoch=0)):
        assert all(a == b and torch.equal(x, y) for (a, x), (b, y) in zip(first, again))
    other = dict(draw(dataset, 0, epoch=1))
    assert not all(torch.equal(x, other[name]) for name, x in first)


@pytest.mark.parametrize('wrapper', ['ConcatDataset', 'RepeatDataset'])
def test_minor1_wrapped_data_sets_keep_the_seed(build, wrapper):
    """The same samples with any number of workers, and another augmentation in each repetition."""
    members = dict(datasets=[build(), build()]) if wrapper == 'ConcatDataset' else dict(
        dataset=build(), times=2)
    dataset = DATASETS.build(dict(type=wrapper, **members))
    np.random.seed(1)
    first = draw(dataset, 0, epoch=0)
    np.random.seed(2)
    for again in (draw(dataset, 0, epoch=0), draw(dataset, 2, epoch=0)):
        assert all(a == b and torch.equal(x, y) for (a, x), (b, y) in zip(first, again))
    assert len(first) == 4
    for name in {name for name, _ in first}:
        one, other = (clip for given, clip in first if given == name)
        assert not torch.equal(one, other)


def test_repeated_augmentation(build):
    samples = draw(build(), 0, epoch=0, repeats=2)
    assert len(samples) == 4
    for (a, x), (b, y) in (samples[:2], samples[2:]):
        assert a == b and not torch.equal(x, y)


def test_index_travels_with_its_seed():
    import pickle
    index = pickle.loads(pickle.dumps(SeededIndex(5, (1, 2))))
    assert index == 5 and index.seed == (1, 2)


@pytest.mark.skipif(not SHARED.is_dir(), reason='the real lists are not on this machine')
@pytest.mark.parametrize('name, classes, count', [('ssv2', 174, 24777), ('k400', 400, 19796)])
def test_real_lists(name, classes, count):
    dataset = DATASETS.build(dict(
        type='VideoListDataset', ann_file=str(SHARED / f'{name}/val.csv'), pipeline=[], num_classes=classes))
    labels = {dataset.get_data_info(i)['label'] for i in range(len(dataset))}
    assert len(dataset) == count and labels == set(range(classes))
