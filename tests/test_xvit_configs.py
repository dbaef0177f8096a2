"""The configs of X-ViT: what test_configs.py finds out about CAST's, the recipe, and the paper's tables."""
import copy
import functools
import math
import re

import pytest
import torch
import yaml
from conftest import ROOT, load_tool
from mmengine import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS
from mmengine.runner import set_random_seed
from test_configs import shrink, uninitialised  # noqa: F401

from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from projects.cast.engine import derive, read_config
from projects.cast.utils import InputError

FOLDER = ROOT / 'configs/xvit'
CONFIGS = sorted(p for p in FOLDER.rglob('*.py') if not {'_base_', 'mini'} & set(p.parts))
MAIN = [p for p in CONFIGS if p.parent == FOLDER]
ABLATIONS = [p for p in CONFIGS if p.parent.name == 'ablations']
VARIANT = next((ROOT / 'configs/cast/variants').glob('*xvit*.py'))
CLASSES = {'ssv2': 174, 'k400': 400, 'k600': 600, 'ek100': {'verb': 97, 'noun': 300}}
VIEWS = {'ssv2': 6, 'k400': 3, 'k600': 3, 'ek100': 3}
EPOCHS = {'ssv2': 35, 'k400': 30, 'k600': 30, 'ek100': 50}
COUNTS = {  # all parameters, which are all learned
    'ssv2': 93617070, 'k400': 93790864, 'k600': 93944664, 'ek100': 94380685,
    'k400_averaging': 86112400, 'k400_summary': 86112400, 'ssv2_averaging': 85938606,
    'ssv2_blocks-first-half': 85938606, 'ssv2_blocks-odd': 85938606, 'ssv2_blocks-second-half': 85938606,
    'ssv2_layers-2': 100702638, 'ssv2_layers-3': 107788206, 'ssv2_summary': 85938606,
    'ssv2_vit-base-p32': 95273646, 'ssv2_vit-large-p32': 319342766, 'ssv2_window-0': 85938606,
    'ssv2_window-2': 85938606, 'ssv2_window-2-boundary': 85938606}
# the paper's top-1, first version
PAPER = {
    'ssv2_8-frames': '63.4', 'ssv2_32-frames': '65.4', 'k400_8-frames': '78.5', 'ek100_8-frames': '41.5',
    'ssv2_averaging': '61.6', 'ssv2_window-0': '44.2', 'ssv2_window-2': '59.7',
    'ssv2_window-2-boundary': '59.6', 'ssv2_blocks-first-half': '60.7', 'ssv2_blocks-second-half': '60.6',
    'ssv2_blocks-odd': '60.3', 'ssv2_layers-2': '63.4', 'ssv2_layers-3': '63.4', 'ssv2_mix-none': '55.6',
    'ssv2_mix-x': '62.1', 'ssv2_mix-key': '62.1', 'ssv2_mix-value': '61.5', 'ssv2_channels-25': '63.3',
    'ssv2_channels-100': '60.7', 'ssv2_summary': '62.9', 'ssv2_summary-attention': '62.5',
    'k400_averaging': '77.8', 'k400_summary': '78.7', 'k400_summary-attention': '78.0',
    'ssv2_vit-base-p32': '59.8', 'ssv2_vit-large-p32': '61.0'}


def short(path):
    """The data set, and the axis of an ablation."""
    main = re.fullmatch(r'xvit_vit-base.*-\d\de_(.+)-rgb', path.stem)
    return main[1] if main else path.stem.removeprefix('xvit_')


def data_of(path):
    return short(path).split('_')[0]


def find(name):
    return next(path for path in CONFIGS if short(path) == name)


@functools.lru_cache(None)
def read(path):
    return read_config(str(path))


def load(path):
    """A config of its own, without reading its files twice."""
    return copy.deepcopy(read(path.resolve()))


@pytest.fixture(scope='module', autouse=True)
def one_thread(host):
    """For models of this size, a second one costs more than it helps."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_there_is_one_file_per_data_set_and_row():
    assert sorted(map(short, MAIN)) == sorted(CLASSES)
    assert set(map(short, ABLATIONS)) == set(PAPER)


@pytest.mark.parametrize('path', CONFIGS, ids=short)
def test_config(path):
    """It passes the check, and its parts agree."""
    cfg, data = load(path), data_of(path)
    assert '_delete_' not in str(cfg)
    assert cfg.model.cls_head.num_classes == CLASSES[data]
    assert cfg.train_cfg.max_epochs == cfg.param_scheduler[0].end == EPOCHS[data]
    assert cfg.train_dataloader.batch_size * 8 == cfg.auto_scale_lr.base_batch_size == 64
    backbone = cfg.model.backbone
    for split in ('train', 'val', 'test'):
        assert cfg[f'{split}_dataloader'].dataset.pipeline == cfg[f'{split}_pipeline']
        sampler = cfg[f'{split}_pipeline'][1]
        assert sampler.clip_len == backbone.get('num_frames', 16)
        if sampler.get('strategy') == 'window':
            assert data in ('k400', 'k600') and sampler.clip_len * sampler.frame_interval == 256
    assert (cfg.model.data_preprocessor.get('blending') is not None) == (data in ('k400', 'k600'))
    if path in MAIN:
        assert (backbone.mix_ratio, backbone.segment) == ((.25, 8) if data[0] == 'k' else (.5, 16))
        assert f'_8xb8-{dict(ssv2="u16x2", ek100="u16x1").get(data, "16x16x1")}-' in path.stem
        assert cfg.model.cls_head.get('label_smooth_eps', 0) == (0 if data == 'ssv2' else 0.3)
        types = [transform.type for transform in cfg.train_pipeline]
        assert types == [
            'InitVideo', 'XViTClips', 'DecodeVideo', 'ClipRandAugment', 'RandomRescale', 'RandomCrop',
            *['Flip'] * (data != 'ssv2'), *['ClipRandomErasing'] * (data in ('ssv2', 'ek100')),
            'FormatShape', 'PackActionInputs']
    folder = data.replace('k400', 'kinetics400').replace('k600', 'kinetics600')
    for split in ('train', 'val', 'test'):
        dataset = cfg[f'{split}_dataloader'].dataset
        assert f'data/{folder}/' in dataset.ann_file and f'data/{folder}' in dataset.data_prefix.video


@pytest.mark.parametrize('path', ABLATIONS, ids=short)
def test_ablation_is_its_difference(path):
    text = path.read_text()
    title, paper, *_ = text.splitlines()
    assert re.match(r"# The paper's: .*top-1\.$", paper)
    assert re.findall(r'\d\d\.\d', paper)[-1] == PAPER[short(path)]
    body = text.split('_base_ = ')[1].splitlines()[1:]
    assert title.startswith('# ') and 1 <= len([line for line in body if line]) <= 12
    cfg, base = load(path), load(path.parent / re.search(r"_base_ = '(.*)'", text).group(1))
    assert data_of(path) in re.search(r"_base_ = '(.*)'", text).group(1)
    assert cfg.model != base.model
    for key in ('optim_wrapper', 'param_scheduler', 'default_hooks'):
        assert cfg[key] == base[key]
    for split in ('train', 'val', 'test'):
        changed = [a.type for a, b in zip(cfg[f'{split}_pipeline'], base[f'{split}_pipeline']) if a != b]
        assert changed in ([], ['XViTClips'])
        assert bool(changed) == short(path).endswith('-frames')


@pytest.mark.parametrize('path', [*CONFIGS, VARIANT], ids=short)
def test_full_size_model(path, uninitialised):  # noqa: F811
    parameters = list(MODELS.build(load(path).model).parameters())
    counts = [sum(p.numel() for p in ps) for ps in (parameters, [p for p in parameters if p.requires_grad])]
    if path == VARIANT:
        assert counts == [216879918, 45278766]
    else:
        assert counts == [COUNTS.get(short(path), COUNTS[data_of(path)])] * 2


def test_the_tables_have_these_numbers():
    """The README's table and the metafile have the numbers above, and those of the headers."""
    table = (FOLDER / 'README.md').read_text()
    for path in CONFIGS:
        row = re.search(rf'^\|.*\({re.escape(str(path.relative_to(FOLDER)))}\).*\|$', table, re.M)[0]
        millions = COUNTS.get(short(path), COUNTS[data_of(path)]) / 1e6
        assert f'| {millions:.2f} |' in row
        for number in re.findall(r'\d\d\.\d', re.search(r'.*top-1.*', path.read_text())[0]):
            assert number in row
    entries = {m['Name']: m for m in yaml.safe_load((FOLDER / 'metafile.yml').read_text())['Models']}
    assert set(entries) == {path.stem for path in MAIN}
    for path in MAIN:
        entry = entries[path.stem]
        assert ROOT / entry['Config'] == path and entry['Metadata']['Parameters'] == COUNTS[short(path)]
        assert entry['Metadata']['Epochs'] == EPOCHS[short(path)]
        for name, value in entry['Results'][0]['Metrics'].items():
            assert name.startswith('Top 5') or f'{value} ' in path.read_text().splitlines()[0]
    assert 'configs/xvit/metafile.yml' in (ROOT / 'model-index.yml').read_text()


def video_of(path, root):
    label = [1, 2] if data_of(path) == 'ek100' else 1
    return dict(filename=str(root / 'P01/videos/P01_01.mp4'), start_index=0, modality='RGB', label=label)


BATCHES = {}


def train_batch(path, root):
    """Two clips through the config's own pipeline, four small frames of each; many rows share a pipeline."""
    key = str(load(path).train_pipeline)
    if key not in BATCHES:
        pipeline = Compose(load(path).train_pipeline)
        BATCHES[key] = pseudo_collate([pipeline(video_of(path, root)) for _ in range(2)])
        frames = BATCHES[key]['inputs'][0].shape
        assert frames == (1, 3, load(path).model.backbone.get('num_frames', 16), 224, 224)
        BATCHES[key]['inputs'] = [x[:, :, :4, ::7, ::7].contiguous() for x in BATCHES[key]['inputs']]
    return copy.deepcopy(BATCHES[key])


@pytest.mark.parametrize('path', CONFIGS, ids=short)
def test_a_training_step_moves_everything(path, mini_root):
    """A tiny model, all else as it is: one step of the config's optimizer."""
    cfg = load(path)
    set_random_seed(0)
    batch = train_batch(path, mini_root)
    model = MODELS.build(shrink(cfg.model, 24, 2, 2, img_size=32, num_frames=4))
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.1)
    before = {k: v.clone() for k, v in model.named_parameters()}
    cfg.optim_wrapper.optimizer.update(lr=1., weight_decay=0.)  # which would move what has no gradient
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    model.train()
    log = model.train_step(batch, wrapper)
    still = [k for k, v in model.named_parameters() if torch.equal(v, before[k])]
    assert not still and not model._ddp_params_and_buffers_to_ignore
    assert all(p.requires_grad for p in model.parameters())
    assert math.isfinite(log['loss'])
    assert len(model.backbone.attn_adapters) == 0


@pytest.mark.parametrize('path', MAIN, ids=short)
def test_views_of_validation_and_test(path, mini_root):
    cfg = load(path)
    model = MODELS.build(shrink(cfg.model, 24, 2, 2))
    for name, count in (('val_pipeline', 1), ('test_pipeline', VIEWS[short(path)])):
        batch = pseudo_collate([Compose(cfg[name])(video_of(path, mini_root))])
        assert batch['inputs'][0].shape == (count, 3, 16, 224, 224)
        with torch.no_grad():
            score = model.test_step(batch)[0].pred_score
        for s in score.values() if isinstance(score, dict) else [score]:
            torch.testing.assert_close(s.sum(), torch.tensor(1.))


def test_the_rows_are_tested_with_one_clip_and_three_crops(mini_root):
    for path in map(find, ('ssv2_8-frames', 'k400_summary', 'ek100_8-frames')):
        inputs = Compose(load(path).test_pipeline)(video_of(path, mini_root))['inputs']
        assert inputs.shape == (3, 3, 8, 224, 224)


@pytest.mark.parametrize('name', ['ssv2', 'k400', 'k600'])
def test_preprocessor(name):
    """Pixels become -1 to 1. On Kinetics, each batch is mixed with a permutation of itself, labels too."""
    preprocessor = MODELS.build(load(find(name)).model.data_preprocessor)
    set_random_seed(0)
    mixed = 0
    for _ in range(20):
        clips = [torch.full((1, 3, 2, 4, 4), value, dtype=torch.uint8) for value in (0, 51, 255)]
        samples = [ActionDataSample().set_gt_label(i) for i in range(3)]
        data = preprocessor(dict(inputs=clips, data_samples=samples), training=True)
        values = data['inputs'][:, 0, 0, 0, 0, 0]
        if name == 'ssv2':
            torch.testing.assert_close(values, torch.tensor([-1., -0.6, 1.]))
            assert [s.gt_label.tolist() for s in data['data_samples']] == [[0], [1], [2]]
            continue
        labels = torch.stack([s.gt_label for s in data['data_samples']])
        assert labels.shape == (3, CLASSES[name])
        torch.testing.assert_close(values, labels[:, :3] @ torch.tensor([-1., -0.6, 1.]))
        mixed += bool((labels.max(1).values < 1).any())
    assert mixed == 0 if name == 'ssv2' else 10 < mixed < 20  # some permutations change nothing
    if name != 'ssv2':
        beta = preprocessor.blending.beta
        assert float(beta.concentration0) == float(beta.concentration1) == pytest.approx(0.4)


@pytest.mark.parametrize('name, decay', [('ssv2', 1e-4), ('k600', 1e-5), ('ek100', 1e-4),
                                         ('ssv2_averaging', 1e-4)])
def test_optimizer(name, decay):
    """All is decayed but the biases of the classifier."""
    cfg = load(find(name))
    model = MODELS.build(shrink(cfg.model, 24, 2, 2, img_size=32, num_frames=4))
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper).optimizer
    assert type(optimizer) is torch.optim.SGD
    names = {id(p): k for k, p in model.named_parameters()}
    found = {names[id(p)]: group for group in optimizer.param_groups for p in group['params']}
    assert len(found) == len(names)
    free = {k for k, group in found.items() if group['weight_decay'] == 0}
    assert free == {k for k in found if 'fc_cls' in k and k.endswith('bias')}
    classifiers = 2 if name == 'ek100' else 1
    assert len(free) == classifiers * (1 if name == 'ssv2_averaging' else 3)  # a norm and two layers
    for key, group in found.items():
        assert group['weight_decay'] == (0 if key in free else decay)
        assert group['momentum'] == 0.9 and group['nesterov']
        assert group['lr'] == pytest.approx(0.025 if name == 'ek100' else 0.03)


def schedule_of(cfg, length, lr=None):
    """The learning rates of all iterations, with epochs of ``length`` iterations."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr or cfg.optim_wrapper.optimizer.lr)
    schedulers = [PARAM_SCHEDULERS.build(copy.deepcopy(part), default_args=dict(
        optimizer=optimizer, epoch_length=length)) for part in cfg.param_scheduler]
    for _ in range(cfg.train_cfg.max_epochs * length):
        yield optimizer.param_groups[0]['lr']
        for scheduler in schedulers:
            scheduler.step()


def formula(epoch, epochs, lr, start, warmup=5):
    def cosine(e):
        return lr * (math.cos(math.pi * e / epochs) + 1) / 2
    return cosine(epoch) if epoch >= warmup else start + epoch * (cosine(warmup) - start) / warmup


@pytest.mark.parametrize('name, lr, start', [
    ('ssv2', 0.03, 0.003), ('k600', 0.03, 0.01), ('k400', 0.03, 0.01), ('ek100', 0.025, 0.0025)])
def test_every_learning_rate_is_that_of_the_formula(name, lr, start):
    cfg, length = load(find(name)), 7
    epochs = EPOCHS[name]
    rates = list(schedule_of(cfg, length))
    expected = [formula(i / length, epochs, lr, start) for i in range(epochs * length)]
    assert rates == pytest.approx(expected, rel=1e-12)
    assert rates[0] == pytest.approx(start)
    assert rates[5 * length] == pytest.approx(lr * (1 + math.cos(5 * math.pi / epochs)) / 2)
    assert list(schedule_of(cfg, length, 2 * lr)) == pytest.approx([2 * r for r in expected])  # a scaled rate


def test_derived_schedule():
    """Other numbers of epochs and of warm-up epochs, as one's own config sets them."""
    base = Config.fromfile(find('ssv2'))._cfg_dict
    cfg = Config(dict(base, **{k: v for k, v in derive(base, max_epochs=12, warmup_epochs=3).items()
                               if k in ('param_scheduler', 'train_cfg')}))
    expected = [formula(i / 4, 12, 0.03, 0.003, 3) for i in range(48)]
    assert list(schedule_of(cfg, 4)) == pytest.approx(expected)
    cfg = Config(dict(base, **{k: v for k, v in derive(base, max_epochs=12).items()
                               if k in ('param_scheduler', 'train_cfg')}))
    assert list(schedule_of(cfg, 4)) == pytest.approx([formula(i / 4, 12, 0.03, 0.003) for i in range(48)])


def test_a_dumped_config_is_the_same(tmp_path):
    cfg = load(find('ssv2_blocks-odd'))
    cfg.dump(tmp_path / 'dumped.py')
    dumped = read_config(str(tmp_path / 'dumped.py'))
    for key in ('model', 'optim_wrapper', 'param_scheduler', 'train_dataloader', 'test_dataloader'):
        assert dumped[key] == cfg[key]


def test_variant_of_cast():
    """CLIP and X-ViT have the same grid and one normalisation each, and CAST's windows."""
    cfg = load(VARIANT)
    assert cfg.model.backbone.exchanges.b_cast.receivers == dict(spatial='time', temporal='space')
    model = MODELS.build(shrink(cfg.model, 24, 2, 2, img_size=32, num_frames=16)).eval()
    spatial, temporal = model.backbone.experts['spatial'], model.backbone.experts['temporal']
    assert spatial.grid == temporal.grid == (16, 2, 2)
    assert temporal.frozen and len(temporal.attn_adapters) == 2
    pixels = torch.tensor([0., 127.5, 255.])
    mean, std = (model.data_preprocessor.mean.flatten()[0], model.data_preprocessor.std.flatten()[0])
    normed = ((pixels - mean) / std).view(1, 1, 3, 1, 1).expand(1, 3, 3, 1, 1)
    torch.testing.assert_close(temporal.renormalize(normed)[0, 0].flatten(), torch.tensor([-1., 0., 1.]))
    own = (pixels - 122.771) / 68.501
    torch.testing.assert_close(spatial.renormalize(normed)[0, 0].flatten(), own)


def test_the_study_cannot_run_it():
    with pytest.raises(InputError, match='the expert of the model is a XViTExpert, but the study has'):
        load_tool('study/rows.py').study_config(str(find('ek100')))


@pytest.mark.parametrize('path', MAIN, ids=short)
def test_augmentation_is_that_of_the_recipe(path):
    """Section by section as the authors' program has it; erasing and flipping depend on the data."""
    steps = {t.type: t for t in read_config(path).train_pipeline}
    augment, rescale = steps['ClipRandAugment'], steps['RandomRescale']
    assert (augment.policy, augment.interpolation) == ('v0', 'random')
    assert tuple(rescale.scale_range) == (256, 320) and steps['RandomCrop'].size == 224
    data = data_of(path)
    assert ('Flip' in steps) == (data != 'ssv2')
    assert ('ClipRandomErasing' in steps) == (data in ('ssv2', 'ek100'))
    assert data == 'ssv2' or steps['Flip'].flip_ratio == 0.5
    if 'ClipRandomErasing' in steps:
        erase = steps['ClipRandomErasing']
        assert (erase.prob, erase.min_area, erase.max_area, erase.min_aspect) == (0.5, 0.02, 1 / 3, 0.3)
        assert erase.mode == 'const' and tuple(erase.mean) == (127.5, ) * 3  # 0 after normalisation
