"""Exported models: the same scores as PyTorch, in any batch, and what a program must know beside them."""
import json
import os

import numpy as np
import onnx
import pytest
import torch
from conftest import MINI, ROOT, load_tool, randomised
from mmengine import Config

from mmaction.structures import ActionDataSample
from projects.cast.export import ExportedModel, Scorer, at_size, describe, pipeline_at, write, writer
from projects.cast.utils import InputError

SYSTEMS = dict(
    cast=MINI,
    ca2st=ROOT / 'configs/ca2st/mini/ca2st_mini_1xb32-u4-10e_mini-sound-rgb-audio.py',
    xvit=ROOT / 'configs/xvit/mini/xvit_mini_1xb32-u8-15e_mini-reversed-rgb.py')
OTHER = dict(frames=2, size=48)


def build(system, frames=None, size=None):
    """A config with class names, its model with random values, and what is exported."""
    cfg = Config.fromfile(SYSTEMS[system])
    cfg.label_map = {task: [f'{task} {i}' for i in range(n)] for task, n in cfg.num_classes.items()}
    model = randomised(cfg.model, std=0.15)
    at_size(model, frames, size)
    return cfg, model, Scorer(model)


def metadata_of(cfg, model, scorer, precision='fp32', **size):
    pipeline = cfg.test_dataloader.dataset.pipeline
    pipeline = pipeline_at(pipeline, **size) if size else pipeline
    return describe(model, scorer, cfg, pipeline, licence='apache-2.0', precision=precision)


@pytest.fixture(scope='module')
def exported(tmp_path_factory):
    """Exports when asked, and each thing once."""
    done = {}

    def export(system, suffix='.onnx', int8=None, bf16=False, **size):
        key = repr((system, suffix, int8, bf16, size))
        if key not in done:
            cfg, model, scorer = build(system, **size)
            if bf16:
                model.backbone.bfloat16()
            file = tmp_path_factory.mktemp('exported') / f'model{suffix}'
            precision = f'int8 {int8}' if int8 else 'bf16' if bf16 else 'fp32'
            assert write(scorer, str(file), metadata_of(cfg, model, scorer, precision, **size), int8) == [
                str(file)]
            done[key] = ExportedModel(file)
        return done[key]
    return export


def batch_of(scorer, n):
    """Random inputs of a model as pipelines give them."""
    torch.manual_seed(n)
    batch = {}
    for name, (shape, dtype) in zip(scorer.inputs, zip(scorer.inputs.values(), scorer.dtypes().values())):
        batch[name] = torch.randint(256, (n, *shape), dtype=dtype) if dtype == torch.uint8 else (
            torch.rand(n, *shape).sort(1)[0] if name == 'times' else torch.randn(n, *shape) * 4 - 4)
    return batch


@torch.no_grad()
def recognise(model, batch):
    """What the recognizer predicts for each sample of a batch, a view each."""
    n = len(batch['video'])
    inputs = {'imgs' if key == 'video' else key: [*value[:, None]] for key, value in batch.items()}
    samples = model.test_step(dict(inputs=inputs if len(inputs) > 1 else inputs['imgs'],
                                   data_samples=[ActionDataSample() for _ in range(n)]))
    return {task: torch.stack([s.pred_score[task] for s in samples]).numpy()
            for task in samples[0].pred_score}


def difference(found, expected):
    assert set(found) == set(expected)
    return max(float(np.abs(found[task] - expected[task]).max()) for task in expected)


@pytest.mark.parametrize('system', SYSTEMS)
@pytest.mark.parametrize('size', [{}, OTHER], ids=['native', 'other size'])
def test_onnx_scores_as_pytorch(exported, system, size):
    file = exported(system, **size)
    _, model, scorer = build(system, **size)
    if size:  # the position tables were resized once; here, they are resized in every pass
        model = randomised(Config.fromfile(SYSTEMS[system]).model, std=0.15)
    for n in (1, 3, 7):
        batch = batch_of(scorer, n)
        expected = recognise(model, batch)
        assert difference(file(**batch), expected) < 1e-4 and expected['verb'].std() > 0.01
    graph = onnx.load(file.file).graph
    assert {node.domain for node in graph.node} == {''} and 'Resize' not in {n.op_type for n in graph.node}
    assert [i.type.tensor_type.shape.dim[0].dim_param for i in graph.input] == ['batch'] * len(graph.input)


@pytest.mark.parametrize('system', ['cast', 'ca2st'])
def test_pt2_scores_as_pytorch(exported, system):
    file = exported(system, '.pt2')
    _, model, scorer = build(system)
    for n in (1, 3, 7):
        batch = batch_of(scorer, n)
        assert difference(file(**batch), recognise(model, batch)) < 1e-4
    assert file.metadata == exported(system).metadata


def test_metadata(exported):
    about = exported('cast').metadata
    assert about['classes'] == {task: [f'{task} {i}' for i in range(6)] for task in ('verb', 'noun')}
    assert about['licence'] == 'apache-2.0' and about['outputs'] == ['verb', 'noun']
    assert about['inputs'] == dict(video=dict(
        shape=['batch', 3, 8, 64, 64], dtype='uint8',
        normalised_inside=dict(mean=pytest.approx([123.675, 116.28, 103.53]),
                               std=pytest.approx([58.395, 57.12, 57.375]))))
    assert about['sampling'] == dict(kind='uniform', frames=8, clips=2, interval=0)
    assert about['resize'] == dict(width=72, height=72) and about['crop'] == dict(size=64, crops=1)
    assert about['views'] == 2 and about['output'] == 'probabilities' and about['precision'] == 'fp32'


def test_metadata_of_another_size_and_of_sound(exported):
    about = exported('ca2st', **OTHER).metadata
    assert about['sampling']['frames'] == 2 and about['crop'] == dict(size=48, crops=1)
    assert about['resize'] == dict(width=54, height=54)
    assert about['audio']['rows'] == 64 and about['audio']['rate'] == 16000
    assert about['inputs']['audio'] == dict(
        shape=['batch', 1, 64, 128], dtype='float32',
        normalised_inside=dict(mean=pytest.approx([-4.2677393]), std=pytest.approx([9.1379948])))
    assert about['inputs']['times'] == dict(shape=['batch', 4], dtype='float32', normalised_inside={})


def test_of_the_full_size_configs(tmp_path):
    """How frames are chosen is that of the config; licences are those of the weights, or must be stated."""
    mini, model, scorer = build('cast')
    for name, sampling, views in (
            ('cast/cast_vit-base-p16_clip-videomae_16xb6-16x4x5-70e_k400-rgb.py', ('dense', 16, 5, 4), 15),
            ('xvit/xvit_vit-base-p16_in21k_8xb8-16x16x1-30e_k400-rgb.py', ('window', 16, 1, 16), 3),
            ('xvit/xvit_vit-base-p16_in21k_8xb8-u16x2-35e_ssv2-rgb.py', ('segments', 16, 2, 0), 6)):
        cfg = Config.fromfile(ROOT / 'configs' / name)
        cfg.model.cls_head, cfg.label_map = mini.model.cls_head, mini.label_map
        about = describe(model, scorer, cfg, cfg.test_dataloader.dataset.pipeline)
        assert tuple(about['sampling'].values()) == sampling and about['views'] == views
        assert about['licence'].startswith('unknown') and [*about['resize']] == ['short_side']
    meta = dict(release_key='model')
    assert describe(model, scorer, cfg, cfg.test_pipeline, meta)['licence'] == 'cc-by-nc-4.0'
    with pytest.raises(InputError, match='which is under cc-by-nc-4.0; leave --licence out'):
        describe(model, scorer, cfg, cfg.test_pipeline, meta, licence='mit')
    (tmp_path / 'config.json').touch()
    (tmp_path / 'README.md').write_text('---\nlicense: apache-2.0\n---\n')
    published = Config(cfg.to_dict(), filename=str(tmp_path / 'config.json'))
    assert describe(model, scorer, published, cfg.test_pipeline)['licence'] == 'apache-2.0'


@pytest.mark.parametrize('which', ['towers', 'all'])
def test_int8_of_onnx(exported, which):
    file, whole = exported('cast', int8=which), exported('cast')
    _, model, scorer = build('cast')
    nodes = [node.op_type for node in onnx.load(file.file).graph.node]
    linear = [m for m in scorer.modules() if isinstance(m, torch.nn.Linear)]
    # CLIP's packed projection is no layer; in the last block, nothing reads T2S, which has four
    towers = 2 * 2 * 4
    assert nodes.count('MatMulInteger') == towers if which == 'towers' else towers < nodes.count(
        'MatMulInteger') <= len(linear) + 2
    batch = batch_of(scorer, 7)
    assert 1e-6 < difference(file(**batch), whole(**batch)) < 0.2
    assert file.metadata['precision'] == f'int8 {which}'


def test_int8_of_torch(exported):
    """Only what is asked for is quantized, and never the time encoding."""
    file, whole = exported('cast', '.pt2', int8='towers'), exported('cast', '.pt2')
    batch = batch_of(build('cast')[2], 3)
    assert 1e-6 < difference(file(**batch), whole(**batch)) < 0.2
    for which, quantized in (('towers', 3 * 2 * 4), ('all', None)):
        scorer = build('ca2st')[2]
        writer.quantize_torch(scorer, which)
        kinds = {name: type(p).__name__ for name, p in scorer.named_parameters()}
        eight = {name for name, kind in kinds.items() if kind == 'Int8Tensor'}
        assert not any('time_encoding' in name for name in eight)
        assert len(eight) == quantized if quantized else any('cls_head' in n or 'head.' in n for n in eight)


def test_bf16(exported, tmp_path):
    batch = batch_of(build('cast')[2], 3)
    file = exported('cast', '.pt2', bf16=True)
    assert 1e-6 < difference(file(**batch), exported('cast')(**batch)) < 0.2
    _, model, scorer = build('cast')
    model.backbone.bfloat16()
    with pytest.raises(InputError, match="a.onnx: onnxruntime's CPU kernels have no bfloat16"):
        write(scorer, str(tmp_path / 'a.onnx'), {})
    assert not [*tmp_path.iterdir()]


def test_features_instead_of_scores(tmp_path):
    cfg, model, _ = build('xvit')
    scorer = Scorer(model, features=True)
    write(scorer, str(tmp_path / 'a.onnx'), metadata_of(cfg, model, scorer))
    batch = batch_of(scorer, 3)
    with torch.no_grad():
        x = (batch['video'] - model.data_preprocessor.mean) / model.data_preprocessor.std
        expected = {name: f.numpy() for name, f in model.backbone(x).items()}
    assert difference(ExportedModel(tmp_path / 'a.onnx')(**batch), expected) < 1e-4


def test_one_task_and_views(exported):
    """The mean over views is that of the recognizer, and ``test_cfg.task`` leaves one output."""
    _, model, scorer = build('cast')
    views = batch_of(scorer, 2)['video']
    with torch.no_grad():
        expected = model.test_step(dict(inputs=[views], data_samples=[ActionDataSample()]))[0].pred_score
    found = exported('cast').predict(views)
    assert difference(found, {task: score.numpy() for task, score in expected.items()}) < 1e-6
    model.test_cfg = dict(task='noun')
    assert Scorer(model).outputs == ['noun']


def test_large_models_have_two_files(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, 'LARGEST', 1000)
    cfg, model, scorer = build('xvit')
    out = tmp_path / 'new' / 'a.onnx'
    files = write(scorer, str(out), metadata_of(cfg, model, scorer))
    assert files == [str(out), f'{out}.data'] == sorted(map(str, out.parent.iterdir()))
    batch = batch_of(scorer, 1)
    assert difference(ExportedModel(out)(**batch), recognise(model, batch)) < 1e-4
    with pytest.raises(InputError, match='quantizes no model of'):
        write(scorer, str(out), {}, 'all')


CLIP = np.zeros((2, 3, 8, 64, 64), np.uint8)


@pytest.mark.parametrize('inputs, message', [
    (dict(imgs=CLIP), 'reads video, but got imgs'),
    (dict(), 'reads video, but got nothing'),
    (dict(video=CLIP.astype(np.float32)), r'video must be \(batch, 3, 8, 64, 64\) in uint8, got .* float32'),
    (dict(video=CLIP[..., :32]), r'got \(2, 3, 8, 64, 32\) in uint8; export a model of another size'),
    (dict(video=CLIP[:0]), r'got \(0, 3, 8, 64, 64\)')])
def test_wrong_inputs(exported, inputs, message):
    with pytest.raises(InputError, match=message):
        exported('cast')(**inputs)


def test_different_numbers_of_clips(exported):
    batch = batch_of(build('ca2st')[2], 3)
    batch['times'] = batch['times'][:2]
    with pytest.raises(InputError, match="different numbers of clips, {'audio': 3, 'video': 3, 'times': 2}"):
        exported('ca2st')(**batch)


def test_wrong_files(tmp_path):
    for name, content, message in (
            ('a.onnx', b'junk', 'cannot be loaded'), ('a.pt2', b'junk', 'cannot be loaded'),
            ('a.pth', b'', 'must end in .onnx or .pt2')):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=f'{name}: {message}') as error:
            ExportedModel(tmp_path / name)
        assert '\n' not in str(error.value)
    with pytest.raises(InputError, match='no such exported model'):
        ExportedModel(tmp_path / 'b.onnx')
    x, y = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in 'xy')
    graph = onnx.helper.make_graph([onnx.helper.make_node('Neg', ['x'], ['y'])], 'another', [x], [y])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid('', 18)], ir_version=10)
    for metadata in (None, 'junk', 'null', '[]', '{"outputs": ["y"]}'):
        if metadata:
            onnx.helper.set_model_props(model, dict(cast=metadata))
        onnx.save(model, tmp_path / 'c.onnx')
        with pytest.raises(InputError, match='was not written by tools/export.py'):
            ExportedModel(tmp_path / 'c.onnx')


def test_weights_outside_of_the_folder_are_not_read(tmp_path):
    """An ONNX file names the file of its weights, which onnxruntime opens."""
    (tmp_path / 'model').mkdir()
    (tmp_path / 'secret').write_bytes(bytes(16))
    (tmp_path / 'model/link').symlink_to(tmp_path / 'secret')
    weights = onnx.TensorProto(name='w', data_type=1, dims=[4], data_location=1)
    weights.external_data.add(key='location')
    x, y = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [4]) for name in 'xy')
    add = onnx.helper.make_node('Add', ['x', 'w'], ['y'])
    graph = onnx.helper.make_graph([add], 'a', [x], [y], [weights])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid('', 18)], ir_version=10)
    for location in ('../secret', str(tmp_path / 'secret'), 'link'):
        model.graph.initializer[0].external_data[0].value = location
        (tmp_path / 'model/a.onnx').write_bytes(model.SerializeToString())
        with pytest.raises(InputError, match='[Ee]xternal data'):
            ExportedModel(tmp_path / 'model/a.onnx')


def test_what_cannot_be_exported(tmp_path):
    cfg, model, scorer = build('xvit')
    with pytest.raises(InputError, match='Linear cannot be exported'):
        Scorer(torch.nn.Linear(2, 2))
    with pytest.raises(InputError, match='a.pth: must end in .onnx or .pt2'):
        write(scorer, str(tmp_path / 'a.pth'), {})
    with pytest.raises(InputError, match=r'does not divide into tubes'):
        at_size(model, size=50)
    with pytest.raises(InputError, match='has no sampler of frames|no sampler'):
        describe(model, scorer, cfg, [])
    with pytest.raises(InputError, match='--size: the test pipeline crops by none of'):
        pipeline_at([dict(type='ThreeCrop', crop_size=64)], 8, 64)
    assert json.dumps(metadata_of(cfg, model, scorer))  # plain data


@pytest.mark.skipif('EXPORT_FULL_SIZE' not in os.environ, reason='takes 10 GB; docs/export.md has results')
@pytest.mark.parametrize('config', [
    'cast/cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ek100-rgb.py',
    'ca2st/ca2st_vit-base-p16_clip-videomae-ast_16xb6-u16x2-50e_ek100-rgb-audio.py',
    'xvit/xvit_vit-base-p16_in21k_8xb8-u16x1-50e_ek100-rgb.py'], ids=SYSTEMS)
def test_full_size(config, tmp_path):
    """Random weights, also where training starts from zero."""
    model = load_tool('analysis/benchmark.py').build(ROOT / 'configs' / config, {})
    at_size(model)
    scorer, cfg = Scorer(model), Config.fromfile(ROOT / 'configs' / config)
    files = write(scorer, str(tmp_path / 'a.onnx'), metadata_of(cfg, model, scorer))
    file = ExportedModel(files[0])
    for n in (1, 3, 7):
        batch = batch_of(scorer, n)
        found, expected = file(**batch), recognise(model, batch)
        relative = max(float(np.abs(found[task] / expected[task] - 1).max()) for task in expected)
        print(f'{config}: {os.path.getsize(files[0]) / 1e6:.0f} MB, batch {n}: '
              f'{difference(found, expected):.1e}, relative {relative:.1e}', flush=True)
        assert difference(found, expected) < 1e-4 and relative < 1e-3
