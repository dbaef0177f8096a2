"""Mini kitchens whose verbs come in time-reversed pairs: only who knows the order can tell them apart."""
import pickle

import numpy as np
import pytest
import torch
from conftest import ROOT, load_tool, mini_dict, mini_options, run
from decord import VideoReader
from mmengine.dataset import pseudo_collate

from mmaction.registry import DATASETS, MODELS
from projects.cast.engine import read_config
from projects.cast.utils import InputError

TOOL = load_tool('data/mini_kitchens/generate_reversed.py')
PAIRS = load_tool('analysis/pair_accuracy.py')
CONFIGS = sorted((ROOT / 'configs/xvit/mini').glob('*.py'))
# what tells a model the order of frames: mixing, the table over time, the temporal transformer
ORDER = {'8-15e_mini-reversed-rgb': (1, 1, 1), 'no-mixing': (0, 1, 1), 'order-by-table': (0, 1, 0),
         'order-by-head': (0, 0, 1), 'orderless': (0, 0, 0), 'cast': (1, 1, 0)}


def config_of(name):
    return next(path for path in CONFIGS if path.stem.endswith(name))


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('mini_reversed')
    TOOL.generate(root, train_videos=2, val_videos=2, actions=6)
    return root


def test_every_other_video_is_the_one_before_backwards(root):
    first, second = (VideoReader(str(root / f'P01/videos/P01_0{i}.avi'))[:].asnumpy() for i in (1, 2))
    assert len(first) == 6 * (TOOL.ACTION + 2 * TOOL.REST) and np.array_equal(first, second[::-1])
    assert np.abs(first[:-1].astype(float) - first[1:]).max() > 50


@pytest.mark.parametrize('split', ['train', 'test'])
def test_clips_of_a_pair_are_each_other_backwards(root, split):
    """What the model reads, through the config's pipeline; their verbs are a pair, their nouns the same."""
    cfg = read_config(CONFIGS[0], mini_dict(root))
    pipeline = [t for t in cfg[f'{split}_dataloader'].dataset.pipeline if t.type != 'RandomCrop']
    dataset = DATASETS.build(dict(cfg[f'{split}_dataloader'].dataset, pipeline=pipeline))
    samples = [dataset[i] for i in range(len(dataset))]
    count = len(samples) // 2
    for i in range(count):
        one, other = samples[i], samples[2 * count - 1 - i]
        assert torch.equal(one['inputs'], other['inputs'].flip(-3))
        a, b = (s['data_samples'].gt_label for s in (one, other))
        assert a['verb'] == b['verb'] ^ 1 and a['noun'] == b['noun']


@pytest.mark.parametrize('name', ORDER)
def test_a_model_tells_a_clip_from_its_reversal_only_if_it_knows_the_order(root, name):
    """A random model, whose zero-initialised table over time is randomised as well."""
    cfg = read_config(config_of(name), mini_dict(root))
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    with torch.inference_mode():
        one, other = (model.test_step(pseudo_collate([dataset[i]]))[0].pred_score['verb']
                      for i in (0, len(dataset) - 1))
    assert torch.allclose(one, other, atol=1e-5) == (not name_knows_order(name))


def name_knows_order(name):
    mixing, table, _ = ORDER[name]  # the transformer has no positions of its own
    return bool(mixing or table)


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_config_has_what_its_name_says(path):
    cfg = read_config(path)
    mixing, table, head = next(order for name, order in ORDER.items() if path.stem.endswith(name))
    xvit = MODELS.build(cfg.model).backbone
    xvit = xvit.experts['temporal'] if hasattr(xvit, 'experts') else xvit
    assert (bool(xvit.mix), xvit.tower.temp_embed.shape[1] > 1) == (mixing, table)
    assert ('num_layers' not in cfg.model.cls_head and cfg.model.cls_head.type == 'XViTTaskHead') == head
    assert len(CONFIGS) == len(ORDER)


def test_whole_run(root, tmp_path):
    config, work = config_of('orderless'), tmp_path / 'orderless_seed0'
    options = mini_options(root, **{'train_cfg.max_epochs': 1, 'default_hooks.checkpoint.interval': 1})
    run('tools/train.py', config, '--work-dir', work, '--cfg-options', *options)
    run('tools/test.py', config, work / 'epoch_1.pth', '--work-dir', work, '--dump', work / 'predictions.pkl',
        '--cfg-options', *options)
    output = run('tools/analysis/pair_accuracy.py', tmp_path, '--plot', tmp_path / 'pairs.png')
    assert '| orderless | 1 | 50.0 ± inf |' in output  # exactly, on as many reversals as actions
    assert (tmp_path / 'pairs.png').stat().st_size > 1000


def sample(verb, scores, noun_right):
    noun = torch.tensor([0.8, 0.2])
    return dict(gt_label=dict(verb=verb, noun=0 if noun_right else 1),
                pred_score=dict(verb=torch.tensor(scores), noun=noun))


def test_accuracies_by_hand(tmp_path):
    right = sample(1, [0.1, 0.2, 0.6, 0.1], True)  # above its reversal, although another verb is higher
    wrong = sample(2, [0., 0., 0.4, 0.6], False)
    tied = sample(3, [0., 0., 0.5, 0.5], True)
    assert PAIRS.accuracies([right, wrong]) == {'within pair': 50., 'verb': 0., 'noun': 50., 'action': 0.}
    assert PAIRS.accuracies([right, tied])['within pair'] == 75.
    broken = {**sample(1, [0., 1., 0., 0.], True), 'broken': True}  # counts as wrong, as in VerbNounMetric
    assert PAIRS.accuracies([right, broken]) == {
        'within pair': 50., 'verb': 0., 'noun': 50., 'action': 0.}
    assert PAIRS.accuracies([right, wrong, tied], dict(low={0, 1}, high={2, 3})) == {
        'low within pair': 100., 'low verb': 0., 'high within pair': 25., 'high verb': 0.,
        'verb': 0., 'noun': pytest.approx(200 / 3), 'action': 0.}
    found = sample(0, [0.7, 0.1, 0.1, 0.1], True)
    assert PAIRS.accuracies([found, wrong], dict(low={0, 1}, high={2, 3})) == {
        'low within pair': 100., 'low verb': 100., 'high within pair': 0., 'high verb': 0.,
        'verb': 50., 'noun': 50., 'action': 50.}
    for seed, samples in enumerate(([right], [right], [wrong])):
        work = tmp_path / f'some_seed{seed}'
        work.mkdir()
        (work / 'predictions.pkl').write_bytes(pickle.dumps(samples))
    columns, results = PAIRS.read(tmp_path)
    rows = results['some']
    assert columns == ['within pair', 'verb', 'noun', 'action'] and rows[:, 0].tolist() == [100., 100., 0.]
    assert PAIRS.short(CONFIGS[0].stem) == 'X-ViT' and PAIRS.short('xvit_mini_cast') == 'CAST'
    assert PAIRS.short("somebody's") == "somebody's"
    # t with two degrees of freedom: 4.303 times the deviation 57.735 by the root of 3
    assert PAIRS.half_width(rows[:, 0]) == pytest.approx(4.3027 * 57.735 / 3**0.5, rel=1e-4)


def test_says_what_is_missing(tmp_path):
    for scores in ([0.5, 0.3, 0.2], [0.5, float('nan')]):
        with pytest.raises(InputError, match='needs finite scores of an even number of verbs'):
            PAIRS.accuracies([sample(0, scores, True)])
    with pytest.raises(InputError, match='run tools/mini_reversed.sh'):
        PAIRS.read(tmp_path)
    with pytest.raises(InputError, match='--val-videos 1: must be from 2'):
        TOOL.generate(tmp_path, val_videos=1)
    with pytest.raises(InputError, match='--train-videos 3 --val-videos 2: must be even'):
        TOOL.generate(tmp_path, train_videos=3, val_videos=2)
