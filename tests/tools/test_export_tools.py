"""The tools for exported models: as a user runs them, and without torch."""
import csv
import json
import sys
import wave

import av
import cv2
import numpy as np
import onnx
import pytest
import torch
from conftest import MINI, ROOT, load_tool, mini_options, randomised, run, write_frames
from mmengine import Config
from mmengine.dataset import Compose

from mmaction.apis import inference_recognizer, init_recognizer
from projects.cast.datasets import DenseClips, EqualCrops, UniformClips, XViTClips
from projects.cast.export import ExportedModel
from projects.cast.hub import push
from projects.cast.utils import InputError

PREDICT = load_tool('predict_onnx.py')
ONLY = ('import sys, runpy\nfor name in ("torch", "cv2", "mmengine", "mmaction", "projects"):\n'
        '    sys.modules[name] = None\nrunpy.run_path("tools/predict_onnx.py", run_name="__main__")\n')


@pytest.fixture(scope='module')
def exported(mini_root, tmp_path_factory):
    """What the tool writes and prints for a checkpoint, which is checked on a video."""
    folder = tmp_path_factory.mktemp('exported')
    cfg = Config.fromfile(MINI)
    torch.save(dict(state_dict=randomised(cfg.model, std=0.15).state_dict()), folder / 'a.pth')
    names = [mini_root / f'EPIC_100_{task}_classes.csv' for task in ('verb', 'noun')]
    video = mini_root / 'P01/videos/P01_01.mp4'
    out = run('tools/export.py', MINI, folder / 'a.pth', folder / 'a.onnx', '--label-map', *names,
              '--licence', 'mit', '--check', video)
    return folder, names, video, out


def test_the_tool(exported):
    folder, names, video, out = exported
    assert {path.name for path in folder.iterdir()} == {'a.pth', 'a.onnx'}
    assert 'a.onnx: 2.' in out and 'reads video (batch, 3, 8, 64, 64) in uint8; licence: mit' in out
    assert f'{video}: the largest difference from PyTorch is ' in out and 'the best class is the same' in out
    model = ExportedModel(folder / 'a.onnx')
    with open(names[0], newline='') as file:
        assert model.metadata['classes']['verb'] == [row['key'] for row in csv.DictReader(file)]
    assert model.metadata['model'] == MINI.stem


def test_without_torch_the_prediction_is_the_same(exported, tmp_path):
    folder, names, video, _ = exported
    (tmp_path / 'only.py').write_text(ONLY)
    out = run(str(tmp_path / 'only.py'), folder / 'a.onnx', video)
    cfg = Config.fromfile(MINI)
    expected = inference_recognizer(init_recognizer(cfg, str(folder / 'a.pth'), 'cpu'), str(video)).pred_score
    classes = ExportedModel(folder / 'a.onnx').metadata['classes']
    for task, score in expected.items():
        lines = [line for line in out.splitlines() if line.startswith(f'{task}: ')]
        best = score.topk(5)
        assert [line.rpartition('%')[2].strip() for line in lines][0] == classes[task][best.indices[0]]
        shares = [float(line.split()[1]) / 100 for line in lines]
        assert shares == pytest.approx(best.values.tolist(), abs=0.005)


def test_what_cannot_be_read_is_one_line(exported, tmp_path):
    folder, _, video, _ = exported
    (tmp_path / 'text.mp4').write_text('no video')
    with wave.open(str(tmp_path / 'sound.wav'), 'wb') as sound:
        sound.setparams((1, 2, 8000, 0, 'NONE', ''))
        sound.writeframes(bytes(16000))
    bare = onnx.load(folder / 'a.onnx')
    del bare.metadata_props[:]
    onnx.save(bare, tmp_path / 'bare.onnx')
    for model, clip, segment, message in (
            (folder / 'a.onnx', tmp_path / 'text.mp4', (), 'text.mp4: cannot be read .*Invalid data'),
            (folder / 'a.onnx', tmp_path / 'sound.wav', (), 'sound.wav: cannot be read'),
            (folder / 'a.onnx', tmp_path / 'none.mp4', (), 'none.mp4: cannot be read .*No such file'),
            (folder / 'a.onnx', video, (900., 901.), 'ends before frame'),
            (tmp_path / 'text.mp4', video, (), 'text.mp4: cannot be read'),
            (tmp_path / 'bare.onnx', video, (), 'bare.onnx: was not written by tools/export.py')):
        with pytest.raises(SystemExit, match=f'error: .*{message}'):
            PREDICT.main(str(model), str(clip), segment)
    for segment in (['x', '2'], ['1'], ['2', '1'], ['1', '2', '3']):
        out = run('tools/predict_onnx.py', folder / 'a.onnx', video, *segment, ok=False)
        assert 'Traceback' not in out and 'error: ' in out


def test_views_without_torch_are_those_of_the_pipeline(exported, mini_root):
    """Of a segment, and also if videos are cut into crops."""
    pipeline = [dict(t) for t in Config.fromfile(MINI).test_dataloader.dataset.pipeline]
    about = ExportedModel(exported[0] / 'a.onnx').metadata
    for change in ({}, dict(resize=dict(short_side=64), crop=dict(size=64, crops=3))):
        if change:
            pipeline[3:5] = [dict(type='Resize', scale=(-1, 64)), dict(type='EqualCrops', crop_size=64)]
        for segment in ((0.4, 1.9), (1., 1.01)):
            sample = dict(filename=str(exported[2]), start_time=segment[0], stop_time=segment[1], label=-1,
                          gt_label={})
            expected = Compose(pipeline)(sample)['inputs'].numpy().astype(int)
            found = PREDICT.read_views(str(exported[2]), {**about, **change}, *segment)
            assert found.shape == expected.shape and found.dtype == np.uint8
            assert np.abs(found - expected).max() <= 8 and np.abs(found - expected).mean() < 0.5


def test_segments_without_torch_of_variable_frame_rates_and_of_cut_videos(exported, tmp_path):
    about = ExportedModel(exported[0] / 'a.onnx').metadata
    cfg = Config.fromfile(MINI)
    cfg.test_dataloader.dataset.pipeline[0].decoder = 'pyav'
    pipeline = Compose(cfg.test_dataloader.dataset.pipeline)
    write_frames(tmp_path / 'vfr.mp4', [*np.arange(20) * 0.1, *2 + np.arange(40) * 0.025])
    write_frames(tmp_path / 'whole.mp4', np.arange(60) / 25)
    with av.open(str(tmp_path / 'whole.mp4')) as whole, av.open(str(tmp_path / 'cut.mp4'), 'w') as cut:
        stream = cut.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(whole.streams.video[0]):
            if packet.size:
                shift = round(0.48 / packet.time_base)
                packet.stream, packet.pts, packet.dts = stream, packet.pts - shift, packet.dts - shift
                cut.mux(packet)
    for name, *segment in (('vfr.mp4', 0.5, 1.5), ('vfr.mp4', 2., 2.8), ('vfr.mp4', ), ('cut.mp4', ),
                           ('cut.mp4', 0.2, 1.)):
        sample = dict(filename=str(tmp_path / name), label=-1, gt_label={})
        sample.update(zip(('start_time', 'stop_time'), segment))
        expected = pipeline(sample)['inputs'].numpy().astype(int)
        found = PREDICT.read_views(str(tmp_path / name), about, *segment)
        assert np.abs(found - expected).max() <= 1, (name, segment)


SAMPLERS = [
    UniformClips(clip_len=8, num_clips=1, test_mode=True),
    UniformClips(clip_len=16, num_clips=3, test_mode=True),
    DenseClips(clip_len=8, num_clips=1, frame_interval=4, test_mode=True),
    DenseClips(clip_len=16, num_clips=5, frame_interval=4, test_mode=True),
    XViTClips(clip_len=16, num_clips=2, test_mode=True),
    XViTClips(clip_len=8, num_clips=3, strategy='window', frame_interval=16, test_mode=True)]


@pytest.mark.parametrize('sampler', SAMPLERS, ids=lambda s: f'{type(s).__name__} {s.num_clips}')
def test_frames_without_torch_are_those_of_the_sampler(sampler):
    kind = getattr(sampler, 'strategy', type(sampler).__name__.removesuffix('Clips').lower())
    about = dict(kind=kind, frames=sampler.clip_len, clips=sampler.num_clips, interval=sampler.frame_interval)
    for fps in (25., 59.94):
        for n in (*range(1, 200), 3001):
            chosen = sampler.transform(dict(total_frames=n, avg_fps=fps))['frame_inds']
            assert (PREDICT.frame_indices(n, about, fps).flatten() == chosen).all()


def test_resizing_without_opencv():
    x = np.random.default_rng(0).integers(256, size=(37, 61, 3), dtype=np.uint8)
    for height, width in ((72, 72), (20, 90), (37, 61)):
        found = PREDICT.resized(x, dict(height=height, width=width))
        expected = cv2.resize(x, (width, height), interpolation=cv2.INTER_LINEAR)
        assert np.abs(found.astype(int) - expected).max() <= 1
    for image in (x, x.transpose(1, 0, 2)):
        expected = EqualCrops(30, 3).transform(dict(imgs=[image]))['imgs']
        assert all((a == b).all() for a, b in zip(PREDICT.cropped(image, 30, 3), expected, strict=True))


def test_what_the_tool_without_torch_does_not_know(exported, capsys):
    about = ExportedModel(exported[0] / 'a.onnx').metadata
    with pytest.raises(SystemExit, match='it reads video, audio by .* not known here'):
        PREDICT.read_views('a.mp4', {**about, 'inputs': dict(video={}, audio={})})
    with pytest.raises(SystemExit, match='sampling of kind Other is not known here'):
        PREDICT.frame_indices(9, dict(kind='Other', frames=8, clips=1), 25.)


@pytest.mark.parametrize('options, message', [
    (['--bf16', '--int8'], '--bf16 and --int8: choose one of them'),
    (['--check', 'nothing.mp4'], 'nothing.mp4: no such video'),
    (['--bf16'], 'have no bfloat16; export to .pt2, or use --int8'),
    (['--frames', '0'], '--frames 0 must be positive'), (['--size', '-64'], '--size -64 must be positive'),
    (['--size', '50'], 'does not divide into tubes'),
    (['--licence', 'my own'], '--licence my own: must be an identifier'),
    (['--label-map', 'k400', 'ssv2'], 'has 400 class names for verb, but the model has 6 classes')])
def test_wrong_options(monkeypatch, tmp_path, exported, options, message):
    tool = load_tool('export.py')
    given = options if '--label-map' in options else [*options, '--label-map', *map(str, exported[1])]
    monkeypatch.setattr(sys, 'argv', ['export.py', str(MINI), 'none', str(tmp_path / 'a.onnx'), *given])
    with pytest.raises(InputError, match=message):
        tool.main()
    assert not [*tmp_path.iterdir()]


def test_random_weights_are_compared_with_themselves(exported, tmp_path):
    out = run('tools/export.py', MINI, 'none', tmp_path / 'a.onnx', '--label-map', *exported[1], '--check',
              exported[2])
    assert 'the best class is the same' in out


def test_options_of_a_published_model(exported, tmp_path, monkeypatch):
    push(str(MINI), str(exported[0] / 'a.pth'), str(tmp_path / 'model'), 'mit', [*map(str, exported[1])])
    monkeypatch.setattr(sys, 'argv', [
        'export.py', str(tmp_path / 'model'), str(tmp_path / 'model/model.safetensors'),
        str(tmp_path / 'a.onnx'), '--cfg-options', 'model.cls_head.average_clips=score'])
    load_tool('export.py').main()
    about = ExportedModel(tmp_path / 'a.onnx').metadata
    assert about['output'] == 'logits' and about['licence'] == 'mit'


def test_other_sizes_and_a_wrong_suffix(exported, tmp_path):
    names, video = exported[1:3]
    out = run('tools/export.py', MINI.stem, exported[0] / 'a.pth', tmp_path / 'a.pt2', '--frames', 4,
              '--size', 48, '--label-map', *names, '--check', video)
    assert 'reads video (batch, 3, 4, 48, 48) in uint8; licence: unknown' in out and 'is the same' in out
    out = run('tools/export.py', MINI, 'none', tmp_path / 'a.pth', '--label-map', *names, ok=False)
    assert out.strip().splitlines()[-1].endswith('a.pth: must end in .onnx or .pt2')


def test_the_comparison(mini_root, tmp_path):
    """All that is measured of two forms, on two videos."""
    names = {f'label_map.{task}': mini_root / f'EPIC_100_{task}_classes.csv' for task in ('verb', 'noun')}
    checkpoint = tmp_path / 'a.pth'
    torch.save(dict(state_dict=randomised(Config.fromfile(MINI).model, std=0.15).state_dict()), checkpoint)
    out = run('tools/analysis/benchmark_export.py', MINI, checkpoint, '--forms', 'onnxruntime, fp32',
              'onnxruntime, int8 towers', '--accuracy', '--repeats', 2, '--work-dir', tmp_path / 'work',
              '--quiet', '--json', tmp_path / 'a.json', '--cfg-options', *mini_options(mini_root, **names))
    results = json.loads((tmp_path / 'a.json').read_text())['results']
    assert [*results] == ['PyTorch, fp32', 'onnxruntime, fp32', 'onnxruntime, int8 towers',
                          'predict_onnx.py, fp32']
    base, fp32, int8, without = results.values()
    assert fp32['distance'] < 1e-4 < int8['distance'] and fp32['changed'] == without['changed'] == 0
    assert int8['megabytes'] < fp32['megabytes'] and base['acc/action_top1'] == fp32['acc/action_top1']
    assert all(len(r['seconds']) == 2 and 0 < r['gib'] < 4 for r in (base, fp32, int8))
    assert '| PyTorch, fp32 |' in out and str(ROOT) not in out.split('turns')[1]
