"""Data sets with sound: their pipelines, lists, labels and measures, on small files."""
import json
import re
import sys
import zipfile

import numpy as np
import pytest
import sklearn.metrics
import torch
from conftest import ROOT, load_tool, write_frames
from mmengine.dataset import Compose
from sounds import write_sound
from test_ca2st_configs import MAIN, short
from tools.test_data_tools import call, fails

from mmaction.registry import DATASETS, METRICS
from projects.cast.datasets import InitVideo, LoadSpectrogram, read_label_map
from projects.cast.engine import read_config, with_sound
from projects.cast.utils import InputError

EXTRA = ROOT / 'configs/ca2st/_base_/datasets/k400.py'
HEADER = ('annotation_id,participant_id,video_id,start_timestamp,stop_timestamp,start_sample,stop_sample,'
          'description,class,class_id\n')


@pytest.mark.parametrize('path', MAIN, ids=short)
def test_pipelines_of_the_configs(path, tmp_path):
    cfg = read_config(str(path))
    data = short(path).split('_')[1]
    rows = 400 if data in ('ek100', 'epic-sounds') else 1024
    assert cfg.model.backbone.experts.audio.get('num_rows', 1024) == rows
    (tmp_path / 'P01/videos').mkdir(parents=True)
    for name in ('a.mp4', 'P01/videos/P01_01.MP4'):
        write_sound(tmp_path / name, np.random.default_rng(0).standard_normal(70400) / 8, 22050, 'aac',
                    sample_format='fltp', pictures=80, fps=25, size=240)
    (tmp_path / 'list').write_text('a.mp4 0\n')
    span = 'P01,P01_01,00:00:00.000,00:00:03.000'
    if data == 'epic-sounds':
        (tmp_path / 'list').write_text(f'{HEADER}P01_01_0,{span},0,72000,click,metal-only collision,0\n')
    elif data == 'ek100':
        (tmp_path / 'list').write_text('narration_id,participant_id,video_id,start_timestamp,stop_timestamp,'
                                       f'verb_class,noun_class\nP01_01_0,{span},1,2\n')
    for split, views in (('train', 1), ('val', 1), ('test', 6)):
        loader = cfg[f'{split}_dataloader']
        assert loader.batch_size == (1 if split == 'test' else 6)
        loader.dataset.update(ann_file=str(tmp_path / 'list'), data_prefix=dict(video=str(tmp_path)))
        types = [t.type for t in loader.dataset.pipeline]
        assert ('SpecAugment' in types) == (split == 'train')
        sample = DATASETS.build(loader.dataset)[0]
        shapes = {key: tuple(value.shape) for key, value in sample['inputs'].items()}
        assert shapes == dict(imgs=(views, 3, 16, 224, 224), audio=(views, 1, rows, 128), times=(views, 18))
        heard = sample['inputs']['audio'].abs().sum(-1) > 0  # 3.2 s, of which an annotation has 3
        assert 'no_sound' not in sample['data_samples'] and int(heard[0].sum()) > 200
        assert data != 'epic-sounds' or sample['data_samples'].annotation_id == 'P01_01_0'
        assert loader.dataset.get('num_classes') in (None, cfg.model.cls_head.num_classes)
    sampler = next(t for t in cfg.train_dataloader.dataset.pipeline if 'clip_len' in t)
    assert sampler.type == ('UniformClips' if '-u16x2-' in path.stem else 'DenseClips')
    METRICS.build(cfg.val_evaluator if data != 'ek100' else dict(type='VerbNounMetric'))


def test_kinetics_400_has_sound_too():
    from mmengine import Config
    cfg = Config.fromfile(EXTRA)
    assert cfg.train_dataloader.dataset.num_classes == 400
    assert Compose(cfg.train_dataloader.dataset.pipeline[:4])


def epic_sounds(tmp_path, text, **more):
    (tmp_path / 'ann.csv').write_text(text)
    return DATASETS.build(dict(type='EpicSoundsDataset', ann_file=str(tmp_path / 'ann.csv'), pipeline=[],
                               data_prefix=dict(video='videos'), **more))


def test_epic_sounds(tmp_path):
    row = 'P01_01_0,P01,P01_01,00:01:00.500,00:01:02.000,1452000,1488000,"a, b",drink / eat,43\n'
    assert epic_sounds(tmp_path, HEADER + row).get_data_info(0).items() >= dict(
        filename='videos/P01/videos/P01_01.MP4', label=43, annotation_id='P01_01_0', start_time=60.5,
        stop_time=62.).items()
    for bad, message in ((row.replace(',43', ',44'), 'line 2: class 44 is out of range, there are 44'),
                         (row.replace(',43', ','), 'line 2: cannot be read'),
                         (row.replace('00:01:02', '00:01:00'), 'starts at 60.50 s and stops at 60.00'),
                         ('', 'has a header, but no rows')):
        with pytest.raises(InputError, match=message):
            epic_sounds(tmp_path, HEADER + bad)
    test = ','.join(HEADER.split(',')[:7]) + '\n' + ','.join(row.split(',')[:7]) + '\n'
    assert epic_sounds(tmp_path, test, test_mode=True).get_data_info(0)['label'] == -1
    with pytest.raises(InputError, match='has no column class_id'):
        epic_sounds(tmp_path, test)


def test_label_maps(tmp_path):
    names = read_label_map('kinetics_sound')
    assert len(names) == 31 and names[0] == 'bowling' and names[-1] == 'playing drums'
    assert set(names) <= set(read_label_map('k400'))
    (tmp_path / 'ann.csv').write_text('annotation_id,class,class_id\na,rustle,1\nb,cut,0\nc,rustle,1\n')
    assert read_label_map(str(tmp_path / 'ann.csv')) == ['cut', 'rustle']


def measured(scores, labels, broken=()):
    metric = METRICS.build(dict(type='SoundEventMetric'))
    for i, (score, label) in enumerate(zip(scores, labels)):
        metric.process(None, [dict(pred_score=torch.tensor(score), gt_label=torch.tensor([label]),
                                   **({'broken': True} if i in broken else {}))])
    return metric.evaluate(len(labels))


def test_measures():
    """Two of three classes have samples, and scores are equal now and then."""
    scores = [[.5, .3, .2], [.4, .35, .25], [.4, .1, .5], [.2, .6, .2]]
    result = measured(scores, [0, 0, 1, 1])
    assert result['acc/top1'] == 75 and result['acc/mean1'] == 75
    assert result['acc/mAP'] == pytest.approx(100 * (5 / 6 + 3 / 4) / 2)
    assert result['acc/mAUC'] == pytest.approx(100 * (3.5 / 4 + 2 / 4) / 2)
    assert measured(scores, [0, 0, 1, 1], broken=[0])['acc/top1'] == 50
    assert measured(scores, [0, 0, 1, -1]) == {}


def test_measures_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 20, (200, 8)) / 20  # with many equal scores
    labels = rng.integers(0, 6, 200)  # two classes have no samples
    result, targets = measured(scores, labels), np.eye(8)[labels][:, :6]
    assert result['acc/mAP'] == pytest.approx(100 * sklearn.metrics.average_precision_score(
        targets, scores[:, :6]))
    assert result['acc/mAUC'] == pytest.approx(100 * sklearn.metrics.roc_auc_score(targets, scores[:, :6]))


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def run_builder(name, *arguments):
    sys.modules.pop('build_list', None)
    return call(f'data/{name}/build_list.py', *arguments)


def test_lists(tmp_path):
    videos = tmp_path / 'videos'
    touch(videos, 'train/abc_000030.mp4', 'def_5.mp4', 'bowling/k1_000001_000011.mp4', 'A/v_A_g01.avi',
          'v_x.mp4')
    (tmp_path / 'vgg.csv').write_text('abc,30,"b, c",train\ndef,5,a,test\ngone,1,a,test\n')
    assert run_builder('vggsound', tmp_path / 'vgg.csv', videos, tmp_path / 'vgg') is None
    assert (tmp_path / 'vgg/train.txt').read_text() == 'train/abc_000030.mp4 1\n'
    assert (tmp_path / 'vgg/test.txt').read_text() == 'def_5.mp4 0\n'
    assert (tmp_path / 'vgg/test.txt.missing').read_text() == 'gone_000001: no such video\n'
    assert (tmp_path / 'vgg/classes.txt').read_text() == 'a\nb, c\n'

    (tmp_path / 'k.csv').write_text('label,youtube_id,time_start,time_end,split\nbowling,k1,1,11,train\n'
                                    'abseiling,k2,1,11,train\n')
    assert run_builder('kinetics_sound', tmp_path / 'k.csv', videos, tmp_path / 'k.txt') is None
    assert (tmp_path / 'k.txt').read_text() == 'bowling/k1_000001_000011.mp4 0\n'

    splits = tmp_path / 'splits'
    touch(splits, 'classInd.txt')
    (splits / 'classInd.txt').write_text('1 A\r\n2 B\r\n')
    for split in (1, 2, 3):
        (splits / f'trainlist0{split}.txt').write_text('A/v_A_g01.avi 1\n')
        (splits / f'testlist0{split}.txt').write_text('A/v_A_g01.avi\n')
    assert run_builder('ucf101', splits, videos, tmp_path / 'ucf') is None
    assert (tmp_path / 'ucf/test3.txt').read_text() == 'A/v_A_g01.avi 0\n'

    segment = [dict(label='Z', segment=[0, 1]), dict(label='Y', segment=[1, 5]),
               dict(label='Z', segment=[6, 7])]
    (tmp_path / 'an.json').write_text(json.dumps(dict(database=dict(
        x=dict(subset='training', annotations=segment), y=dict(subset='testing', annotations=[]),
        z=dict(subset='validation', annotations=segment[:1])))))
    touch(videos, 'z.webm')
    assert run_builder('activitynet', tmp_path / 'an.json', videos, tmp_path / 'an') is None
    assert (tmp_path / 'an/train.txt').read_text() == 'v_x.mp4 0\n'
    assert (tmp_path / 'an/val.txt').read_text() == 'z.webm 1\n'


def test_lists_of_videos_with_sound(tmp_path):
    videos = tmp_path / 'videos'
    videos.mkdir()
    write_sound(videos / 'abc_000030.avi', np.zeros(16000), pictures=10)  # silence is sound
    write_sound(videos / 'def_000005.avi', None, pictures=10)
    (tmp_path / 'vgg.csv').write_text('abc,30,b,train\ndef,5,a,train\nabc,30,b,test\n')
    assert run_builder('vggsound', tmp_path / 'vgg.csv', videos, tmp_path, '--with-sound') is None
    assert (tmp_path / 'train.txt').read_text() == 'abc_000030.avi 1\n'
    assert (tmp_path / 'train.txt.missing').read_text() == 'def_000005: has no sound\n'


@pytest.mark.parametrize('name, file, text, message', [
    ('vggsound', 'v.csv', 'abc,30,b,train\nabc,x,b,train\n', "v.csv, line 2: .* is not id, start second"),
    ('ucf101', 'classInd.txt', '1 A\n3 B\n', "classInd.txt, line 2: '3 B' is not 2 and a name"),
    ('activitynet', 'a.json', '{"database": {"x": {"subset": "training"}}}', 'a.json: cannot be read'),
    ('kinetics_sound', 'k.csv', 'a,b\n1,2\n', 'k.csv')])
def test_what_list_builders_say(tmp_path, name, file, text, message):
    (tmp_path / file).write_text(text)
    touch(tmp_path / 'videos', 'x.mp4')
    sys.modules.pop('build_list', None)
    annotations = tmp_path if name == 'ucf101' else tmp_path / file
    said = fails(f'data/{name}/build_list.py', annotations, tmp_path / 'videos', tmp_path / 'out')
    assert re.search(message, said)


def test_submission_and_mean_of_splits(tmp_path, capsys):
    import pickle
    samples = [dict(pred_score=torch.tensor([.75, .25]), gt_label=torch.tensor([label]),
                    annotation_id=f'P01_{label}')
               for label in (0, 1)]
    for name, content in (('one.pkl', samples), ('two.pkl', samples[:1]), ('bad.pkl', [{}])):
        (tmp_path / name).write_bytes(pickle.dumps(content))
    tool, target = 'analysis/epic_sounds_submission.py', tmp_path / 'out.zip'
    assert call(tool, tmp_path / 'one.pkl', target, '--sls', 2, 3, 3) is None
    content = json.loads(zipfile.ZipFile(target).read('test.json'))
    results = content.pop('results')
    assert content == dict(version='0.1', challenge='audio_based_interaction_recognition', sls_pt=2, sls_tl=3,
                           sls_td=3, t_mod=2)
    assert np.exp(results['P01_1']['interaction']['0']) == pytest.approx(.75)
    assert 'no scores with annotation ids' in fails(tool, tmp_path / 'bad.pkl', target, '--sls', 2, 3, 3)
    mean = 'analysis/mean_of_splits.py'
    assert call(mean, tmp_path / 'one.pkl', tmp_path / 'two.pkl') is None
    assert 'mean: top1 75.00' in capsys.readouterr().out
    assert 'bad.pkl: has no scores' in fails(mean, tmp_path / 'bad.pkl')


def test_the_check_counts_silent_files(tmp_path, capsys):
    write_frames(tmp_path / 'a.mp4', [i / 25 for i in range(30)])
    write_sound(tmp_path / 'b.avi', np.zeros(16000), pictures=30)  # silence is sound
    (tmp_path / 'list').write_text('a.mp4 0\nb.avi 0\n')
    config = next(path for path in MAIN if short(path) == 'cava_vggsound')
    assert call('data/check.py', config, '--split', 'val', '--workers', 1, '--cfg-options',
                f'val_dataloader.dataset.ann_file={tmp_path}/list',
                f'val_dataloader.dataset.data_prefix.video={tmp_path}') is False
    assert '2 samples, 0 missing, 0 broken, 0 short, 1 silent, 0 damaged' in capsys.readouterr().out


def test_the_check_listens_to_the_segment(tmp_path):
    """The sound ends before it."""
    write_sound(tmp_path / 'a.avi', np.full(16000, 0.1), pictures=30)
    tool, listen = load_tool('data/check.py'), LoadSpectrogram(num_rows=50, test_mode=True)
    sample = dict(filename=str(tmp_path / 'a.avi'), start_index=0, start_time=2., stop_time=2.8)
    assert tool.check((dict(sample, start_time=0.), 4, InitVideo(), listen)) == []
    ((kind, file, what), ) = tool.check((sample, 4, InitVideo(), listen))
    assert (kind, file) == ('silent', str(tmp_path / 'a.avi'))
    assert what.endswith('a.avi, 2.00 to 2.80 s: has no sound')


def test_two_videos_of_one_name(tmp_path):
    for name in ('a/x.mp4', 'b/x.webm'):
        touch(tmp_path, name)
    with pytest.raises(InputError, match='has a/x.mp4 and b/x.webm, which have the same name'):
        load_tool('data/_lists.py').videos_below(tmp_path)


def test_the_hosts_own_fields_are_kept():
    pipeline = [dict(type='UniformClips', clip_len=4), dict(type='PackActionInputs')]
    (packed, ) = [t for t in with_sound(dict.fromkeys(
        ('train_pipeline', 'val_pipeline', 'test_pipeline'), pipeline))[0] if t['type'] == 'PackActionInputs']
    assert 'img_shape' in packed['meta_keys'] and 'no_sound' in packed['meta_keys']


def test_a_broken_sample_is_wrong_whatever_the_scores():
    metric = METRICS.build(dict(type='AccuracyMetric'))
    sample = dict(pred_score=torch.tensor([-3., -2., -5.]), gt_label=torch.tensor([0]), broken=True)
    metric.process(None, [sample])
    assert metric.evaluate(1)['acc/top1'] == 0
