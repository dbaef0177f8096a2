"""The configs of CA2ST and CAVA: what test_configs.py finds out about CAST's, and the quirks they hold."""
import copy
import functools
import re

import pytest
import torch
import yaml
from conftest import ROOT, load_tool
from mmengine import Config
from mmengine.optim import build_optim_wrapper
from mmengine.runner import set_random_seed
from test_configs import ids, shrink, uninitialised  # noqa: F401

from mmaction.registry import MODELS, RUNNERS
from mmaction.structures import ActionDataSample
from projects.cast.apis import CASTInferencer
from projects.cast.engine import read_config
from projects.cast.utils import InputError

FOLDER = ROOT / 'configs/ca2st'
EXAMPLE = FOLDER / 'example_own_sound.py'  # test_own_sound.py trains it
CONFIGS = sorted(
    p for p in FOLDER.rglob('*.py') if not {'_base_', 'mini'} & set(p.parts) and p != EXAMPLE)
MAIN = [p for p in CONFIGS if p.parent == FOLDER]
ABLATIONS = [p for p in CONFIGS if p.parent.name == 'ablations']
CLASSES = {'ek100': {'verb': 97, 'noun': 300}, 'vggsound': 309, 'kinetics-sound': 31, 'ucf101': 101,
           'epic-sounds': 44, 'activitynet': 200}
# All parameters and the learnable ones. Those that the research program has, too, are its own without its
# `audio_ln_post`, 1536 parameters that nothing reads; see configs/ca2st/README.md.
UNUSED = 1536
PROGRAM = {
    'ca2st_ek100': (320183821, 62544397), 'ca2st_ek100_separate-projections': (None, 67863181),
    'cava_epic-sounds': (215233964, 43820204), 'cava_epic-sounds_tables': (None, 49427372),
    'cava_vggsound': (228473013, 56487861)}
COUNTS = {
    'ca2st_activitynet': (331559432, 73348616), 'ca2st_ek100': (320182285, 62542861),
    'ca2st_epic-sounds': (319614956, 61975532), 'ca2st_kinetics-sound': (331429471, 73218655),
    'ca2st_ucf101': (331483301, 73272485), 'ca2st_vggsound': (331643253, 73432437),
    'cava_ek100': (215503885, 44090125), 'cava_epic-sounds': (215232428, 43818668),
    'cava_kinetics-sound': (228257695, 56272543), 'cava_vggsound': (228471477, 56486325),
    'ca2st_ek100_all-layers-10-12': (297476365, 39836941),
    'ca2st_ek100_all-layers-7-12': (313923469, 56284045),
    'ca2st_ek100_audio-layers-1-12': (346817677, 89178253),
    'ca2st_ek100_audio-layers-7-12': (329060749, 71421325), 'ca2st_ek100_averaged': (320182285, 62542861),
    'ca2st_ek100_frequency-major': (320182285, 62542861), 'ca2st_ek100_late-fusion': (280434061, 22794637),
    'ca2st_ek100_no-adapters': (298879501, 41240077), 'ca2st_ek100_one-time-mlp': (319884685, 62245261),
    'ca2st_ek100_ratio-1': (403556749, 145917325), 'ca2st_ek100_ratio-1-4': (294862669, 37223245),
    'ca2st_ek100_ratio-1-8': (286294765, 28655341), 'ca2st_ek100_separate-projections': (325501069, 67861645),
    'ca2st_ek100_tables': (322688269, 65048845), 'ca2st_vggsound_audio-only': (93525813, 7338549),
    'ca2st_vggsound_averaged': (331643253, 73432437), 'ca2st_vggsound_time-encoding': (325708917, 67498101),
    'cava_epic-sounds_layers-10-12': (193936556, 22522796),
    'cava_epic-sounds_no-adapters': (201030572, 29616812), 'cava_epic-sounds_tables': (220839596, 49425836)}


def short(path):
    """Model and data set, and the axis of an ablation."""
    main = re.fullmatch(r'(\w+)_vit-base.*-50e_(.+)-rgb-audio', path.stem)
    return f'{main[1]}_{main[2]}' if main else path.stem


def find(name):
    return next(path for path in CONFIGS if short(path) == name)


@functools.lru_cache(None)
def read(path):
    return Config.fromfile(path)


def load(path):
    """A config of its own, without reading its files twice."""
    return copy.deepcopy(read(path.resolve()))


def test_there_is_one_file_per_data_set_and_model():
    both = {'ek100', 'vggsound', 'kinetics-sound', 'epic-sounds'}
    assert sorted(map(short, MAIN)) == sorted(
        [f'ca2st_{data}' for data in CLASSES] + [f'cava_{data}' for data in both])
    assert set(map(short, CONFIGS)) == set(COUNTS)


@pytest.fixture(scope='module', autouse=True)
def one_thread(host):
    """For models of this size, a second one costs more than it helps."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize('path', CONFIGS, ids=short)
def test_config(path):
    """It passes the check, its schedule is complete, and its parts agree."""
    cfg = read_config(str(path))
    _, data, *_ = short(path).split('_')
    model, epic = cfg.model, data in ('ek100', 'epic-sounds')
    assert model.cls_head.num_classes == CLASSES[data]
    assert sum(s['end'] - s['begin'] for s in cfg.param_scheduler) == cfg.train_cfg.max_epochs == 50
    scale = 16 * 6 * cfg.optim_wrapper.accumulative_counts / 256
    lr, last = cfg.optim_wrapper.optimizer.lr, cfg.param_scheduler[1].eta_min_ratio
    assert (lr, lr * last) == pytest.approx((5e-4 * scale, 1e-6 * scale))
    assert model.backbone.drop_path_rate == 0.2
    assert model.backbone.experts.audio.get('num_rows', 1024) == (400 if epic else 1024)
    assert '_delete_' not in str(cfg)
    for split in ('train', 'val', 'test'):  # test_sound_data.py runs them
        listen = [t for t in cfg[f'{split}_dataloader'].dataset.pipeline if t.type == 'LoadSpectrogram']
        assert [t.num_rows for t in listen] == [400 if epic else 1024]
    if path in MAIN:
        assert f'-{"u16x2" if epic or data == "activitynet" else "16x4x2"}-' in path.stem
        timed = model.backbone.type == 'TimedExpertViT'
        assert timed == epic and ('share_projections' in model.backbone) == (epic and 'ca2st' in path.stem)


@pytest.mark.parametrize('path', ABLATIONS, ids=short)
def test_ablation_is_its_difference(path):
    text = path.read_text()
    body = text.split('_base_ = ')[1].splitlines()[1:]
    assert text.startswith('# ') and 1 <= len([line for line in body if line]) <= 10
    cfg = load(path)
    base = load(path.parent / re.search(r"_base_ = '(.*)'", text).group(1))
    assert short(path).startswith(short(find('_'.join(short(path).split('_')[:2]))))
    assert cfg.model != base.model
    for key in ('optim_wrapper', 'param_scheduler', 'default_hooks'):
        assert cfg[key] == base[key]


@pytest.mark.parametrize('path', CONFIGS, ids=short)
def test_full_size_model(path, uninitialised):  # noqa: F811
    model = MODELS.build(load(path).model)
    name, parameters = short(path), list(model.parameters())
    counts = [sum(p.numel() for p in ps) for ps in (parameters, [p for p in parameters if p.requires_grad])]
    assert tuple(counts) == COUNTS[name]
    for ours, theirs in zip(counts, PROGRAM.get(name, ())):
        assert theirs in (None, ours + UNUSED)


def test_what_is_published_about_parameters_is_measured():
    """The README's table and the metafile have the numbers above, in millions and exactly."""
    table = (FOLDER / 'README.md').read_text()
    for path in CONFIGS:
        row = re.search(rf'^\|.*\({re.escape(str(path.relative_to(FOLDER)))}\).*\|$', table, re.M)[0]
        total, learned = (f'{n / 1e6:.2f}' for n in COUNTS[short(path)])
        assert f'| {total} / {learned} |' in row
    entries = {m['Name']: m for m in yaml.safe_load((FOLDER / 'metafile.yml').read_text())['Models']}
    assert set(entries) == {path.stem for path in MAIN}
    for path in MAIN:
        entry = entries[path.stem]
        assert ROOT / entry['Config'] == path and entry['Metadata']['Parameters'] == COUNTS[short(path)][0]
        for value in (v for r in entry.get('Results', []) for v in r['Metrics'].values()):
            assert f'{value} top-1' in path.read_text()


def tiny(path, rows=96):
    """The model of a config with tiny experts, all else as it is."""
    cfg = load(path)
    cfg.model.backbone.drop_path_rate = 0.  # it would leave some adapter out now and then
    cfg.model = shrink(cfg.model, 24, 2, 2, img_size=32, num_frames=4)
    cfg.model.backbone.experts.audio.num_rows = rows
    for exchange in cfg.model.backbone.get('exchanges', {}).values():
        if path.stem.startswith('cava') and 'layers' in exchange:
            exchange.layers = [0, 1]  # nothing reads patches of the last block
    return cfg


def batch_of(cfg, views=1, rows=96):
    """Two samples as a data loader gives them."""
    samples = [ActionDataSample() for _ in range(2)]
    for i, sample in enumerate(samples):
        if isinstance(cfg.model.cls_head.num_classes, dict):
            sample.set_field(dict(verb=i, noun=2), 'gt_label')
        else:
            sample.set_gt_label(i)
    inputs = dict(imgs=[torch.randint(256, (views, 3, 4, 32, 32), dtype=torch.uint8) for _ in samples],
                  audio=[4 * torch.randn(views, 1, rows, 128) - 4 for _ in samples],
                  times=[torch.tensor([[0., 1.5, .1, .2, .3, .4]]).repeat(views, 1) for _ in samples])
    return dict(inputs=inputs, data_samples=samples)


@pytest.mark.parametrize('path', CONFIGS, ids=short)
def test_a_training_step_moves_what_it_should(path):
    """Random inputs through the config's preprocessor, one step of its optimizer."""
    cfg = tiny(path)
    set_random_seed(0)
    model = MODELS.build(cfg.model)
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.1)
    for p in getattr(model.backbone, 'time_encoding', torch.nn.Identity()).parameters():
        torch.nn.init.uniform_(p, 0.1, 0.2)  # so that no ReLU of its narrow layers is silent
    before = {k: v.clone() for k, v in model.named_parameters()}
    cfg.optim_wrapper.update(accumulative_counts=1)
    cfg.optim_wrapper.optimizer.lr = 1.
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    model.train()
    model.train_step(batch_of(cfg), wrapper)
    moved = {k for k, v in model.named_parameters() if not torch.equal(v, before[k])}
    learnable = {k for k, p in model.named_parameters() if p.requires_grad}
    assert moved == learnable - set(model._ddp_params_and_buffers_to_ignore)
    for name, expert in model.backbone.experts.items():
        tower = {f'backbone.experts.{name}.tower.{k}' for k, _ in expert.tower.named_parameters()}
        assert len(tower & moved) == (0 if name == 'audio' else 2)  # of the others, the post norm learns


@pytest.mark.parametrize('path', MAIN, ids=short)
def test_test_views(path):
    """Two clips and three crops, each with its piece of sound."""
    cfg = tiny(path)
    model = MODELS.build(cfg.model)
    with torch.no_grad():
        score = model.test_step(batch_of(cfg, views=6))[1].pred_score
    for s in score.values() if isinstance(cfg.model.cls_head.num_classes, dict) else [score]:
        torch.testing.assert_close(s.sum(), torch.tensor(1.))


@pytest.mark.parametrize('name, task', [('ca2st_vggsound', False), ('cava_ek100', True)])
def test_preprocessor(name, task):
    """Sound is normalised as AST was trained and mixed with the video; times stay as they are."""
    cfg = tiny(find(name))
    batch = batch_of(cfg, views=2)
    given = torch.stack(batch['inputs']['audio']).clone()
    preprocessor = MODELS.build(cfg.model.data_preprocessor)
    expected = (given + 4.2677393) / (2 * 4.5689974)
    plain = preprocessor(batch_of(cfg, views=2) | {'inputs': batch['inputs']}, training=False)['inputs']
    torch.testing.assert_close(plain['audio'], expected)
    assert plain['audio'].shape == (2, 2, 1, 96, 128) and plain['imgs'].shape == (2, 2, 3, 4, 32, 32)
    set_random_seed(0)
    data = preprocessor(batch, training=True)
    label = data['data_samples'][0].gt_label
    lam = (label['verb'] if task else label)[0]
    assert 0 < lam < 1
    torch.testing.assert_close(data['inputs']['audio'], lam * expected + (1 - lam) * expected.flip(0))
    torch.testing.assert_close(
        data['inputs']['imgs'], lam * plain['imgs'] + (1 - lam) * plain['imgs'].flip(0))
    assert torch.equal(data['inputs']['times'], plain['times'])


@pytest.mark.parametrize('name, decayed', [
    ('ca2st_vggsound', {'audio.space', 'audio.time', 'spatial.time', 'temporal.time'}),
    ('cava_vggsound', {'audio.time', 'spatial.time'}), ('ca2st_ek100', set()), ('cava_epic-sounds', set()),
    ('ca2st_ek100_tables', {'audio.space', 'audio.time', 'spatial.time', 'temporal.time'})])
def test_the_programs_tables_are_decayed(name, decayed):
    """Quirk: those of the exchanges with sound that its list of names leaves out, and no others."""
    cfg = tiny(find(name))
    model = MODELS.build(cfg.model)
    groups = build_optim_wrapper(model, cfg.optim_wrapper).optimizer.param_groups
    decay = {group['param_name']: group['weight_decay'] for group in groups}
    found, tables, layers = {}, 0, set()
    for key, value in decay.items():
        table = re.search(r'exchanges\.(\d+)\.(\w+)\.attn\.(\w+)\.(?:tables\.)?(query|context)_pos(.*)', key)
        if not table:
            continue
        layer, exchange, receiver, side, axis = table.groups()
        if exchange == 'b_cast':
            assert value == 0
            continue
        other = next(e for e in exchange.split('_') if e != receiver)
        found.setdefault((receiver if side == 'query' else other) + axis, set()).add(value)
        tables, layers = tables + 1, layers | {layer}
    assert {table for table, values in found.items() if values == {0.05}} == decayed
    assert all(values in ({0.}, {0.05}) for values in found.values())  # alike in all exchanges
    assert tables == (len(layers) * (16 if 'ca2st' in name else 8) if decayed else 0)
    assert decay['backbone.exchanges.1.spatial_audio.attn.audio.q.weight'] == 0.05
    assert decay['backbone.exchanges.1.spatial_audio.attn.audio.q.bias'] == 0
    times = [key for key in decay if 'time_encoding' in key]
    assert bool(times) == (not decayed)
    for group in groups:  # what is outside the blocks learns at the full rate
        if group['param_name'] in times or 'cls_head' in group['param_name']:
            assert group['lr'] == cfg.optim_wrapper.optimizer.lr


def test_a_dumped_config_is_the_same(tmp_path):
    cfg = load(find('ca2st_vggsound'))
    cfg.dump(tmp_path / 'dumped.py')
    dumped = read_config(str(tmp_path / 'dumped.py'))
    assert dumped.model == cfg.model and dumped.optim_wrapper == cfg.optim_wrapper


def test_quirks_of_the_program_have_a_key():
    for path in MAIN:
        model = load(path).model
        cava, experts = path.stem.startswith('cava'), model.backbone.experts
        assert experts.audio.drop_attention == (not cava)
        assert experts.spatial.get('post_norm_eps', 1e-5) == (1e-6 if cava else 1e-5)
        encoding = model.backbone.get('time_encoding')
        assert encoding is None or encoding.audio_layout == 'time-major'


def test_names_are_those_of_the_converter(uninitialised):  # noqa: F811
    """So that a checkpoint of CAST, or of the program, has the same names."""
    from projects.cast.checkpoints import recognise, rename
    for name in ('ca2st_ek100', 'ca2st_vggsound', 'cava_epic-sounds', 'cava_ek100', 'ca2st_ek100_tables'):
        state = MODELS.build(tiny(find(name)).model).state_dict()
        system, table = recognise(state)
        assert system.lower() == name.split('_')[0]
        theirs = rename(state, table, reverse=True)
        assert rename(theirs, table).keys() == state.keys()
    cast = next((ROOT / 'configs/cast').glob('*ek100-rgb.py'))
    cast = shrink(load(cast).model, 24, 2, 2, img_size=32, num_frames=4)
    own = MODELS.build(tiny(find('ca2st_ek100')).model).state_dict()
    backbone = {k: v.shape for k, v in MODELS.build(cast).state_dict().items() if k.startswith('backbone.')}
    assert all(own[key].shape == shape for key, shape in backbone.items())


def test_without_data_the_runner_says_so(tmp_path):
    cfg = load(find('ca2st_vggsound'))
    cfg.work_dir = str(tmp_path / 'run')
    for key in ('train_dataloader', 'val_dataloader', 'val_evaluator', 'test_dataloader', 'test_evaluator'):
        cfg.pop(key)
    missing = 'train_dataloader, val_dataloader, val_evaluator, test_dataloader, test_evaluator missing'
    with pytest.raises(InputError, match=f'vggsound-rgb-audio.py: {missing}; define them in a config'):
        RUNNERS.build(cfg)
    cfg.update(val_cfg=None, test_cfg=None)
    with pytest.raises(InputError, match='py: train_dataloader missing; define'):
        RUNNERS.build(cfg)
    assert not (tmp_path / 'run').exists()


def test_misspelt_keys_of_the_time_encoding():
    with pytest.raises(InputError, match="audio_layot.*audio_layout"):
        read_config(str(find('ca2st_ek100')), {'model.backbone.time_encoding.audio_layot': 'time-major'})


def test_without_data_the_inferencer_says_so():
    cfg = tiny(find('ca2st_ek100'))
    cfg.pop('test_dataloader')
    with pytest.raises(InputError, match='has no test_dataloader, whose pipeline reads the videos'):
        CASTInferencer(cfg, device='cpu')


def test_what_the_study_cannot_run():
    with pytest.raises(InputError, match='the expert audio is a ASTExpert, but the study has'):
        load_tool('study/rows.py').study_config(str(find('ca2st_ek100')))
