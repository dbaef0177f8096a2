"""The benchmarks run and report what they should; how fast anything is, is not tested."""
import json
import re

import pytest
import torch
from conftest import MINI, RECIPE, ROOT, load_tool, run
from mmengine import Config
from mmengine.dataset import Compose

SMALL = ('--frames', 8, '--size', 64)


def test_benchmark_against_plain(tmp_path):
    output = run('tools/analysis/benchmark.py', MINI, '--vs', 'plain', *SMALL, '--repeats', 2, '--json',
                 tmp_path / 'out.json')
    assert 'speed-up over plain, turn by turn' in output and 'largest difference of a feature' in output
    results = json.loads((tmp_path / 'out.json').read_text())['results']
    assert len(results['config']['seconds']) == 2 and results['plain']['difference'] < 1e-4
    assert 0 < results['config']['gmacs'] < results['plain']['gmacs']  # the last block is cut short
    assert results['config']['parameters'] == results['plain']['parameters'] > 1e5
    assert results['config']['peak_gib'] >= 0


@pytest.mark.parametrize('options', [
    ['--train', '--dtype', 'bf16'], ['--sweep', 'frames=4,8', '--plot', 'growth.png', '--vs', MINI]])
def test_other_ways_to_measure(tmp_path, options):
    options = [tmp_path / o if o == 'growth.png' else o for o in options]
    output = run('tools/analysis/benchmark.py', MINI, *SMALL, '--repeats', 1, *options)
    if '--train' in options:
        assert 'training step, batch 1, 8 frames of 64 px, bf16' in output
    else:
        assert output.count('speed-up') == 2 and (tmp_path / 'growth.png').stat().st_size > 1000


def test_gmacs_without_computing(tmp_path):
    output = run('tools/analysis/benchmark.py', MINI, '--vs', RECIPE, '--device', 'meta', '--size', 64,
                 '--sweep', 'frames=4,8', '--plot', tmp_path / 'growth.png', '--labels', 'one', 'other')
    counts = [float(x) for x in re.findall(r'([0-9.]+) GMACs', output)]
    assert len(counts) == 4 and counts[0] == counts[1] < counts[2] and f'{RECIPE.stem}, 8 frames' in output
    assert (tmp_path / 'growth.png').stat().st_size > 1000


def test_gmacs_are_counted_by_hand():
    """Two equal products and one attention."""
    tool = load_tool('analysis/benchmark.py')

    class Model(torch.nn.Module):
        def backbone(self, x):
            return {'f': torch.nn.functional.scaled_dot_product_attention(x, x, x) @ x.mT}

    candidate = tool.Candidate(Model(), {'video': torch.randn(2, 1, 10, 8)}, torch.float32, False, False)
    assert tool.gmacs(candidate) == pytest.approx((2 + 1) * 10 * 10 * 8 / 1e9)


def test_zoo():
    zoo = load_tool('analysis/compare_zoo.py')
    for dataset in ('k400', 'ssv2'):
        for name in (*zoo.PAPERS, *zoo.MODELS_OF[dataset]):
            shape, views = zoo.one_view(Config.fromfile(zoo.config_of(dataset, name)))
            assert 50 < zoo.published(dataset, name) < 90 and views >= 1 and shape[-1] >= 224
    assert zoo.one_view(Config.fromfile(zoo.config_of('k400', 'CAST'))) == ((1, 1, 3, 16, 224, 224), 15)
    assert zoo.one_view(Config.fromfile(zoo.config_of('ssv2', 'X-ViT'))) == ((1, 1, 3, 16, 224, 224), 6)
    assert zoo.one_view(Config.fromfile(zoo.config_of('k400', 'TSM R50')))[0] == (1, 8, 3, 224, 224)


def test_compare_one_model_of_the_zoo(tmp_path):
    files = [tmp_path / f'zoo.{suffix}' for suffix in ('json', 'csv', 'png')]
    output = run('tools/analysis/compare_zoo.py', '--dataset', 'ssv2', '--models', 'TSM R50', '--repeats', 1,
                 '--json', files[0], '--csv', files[1], '--plot', files[2])
    assert '| TSM R50 | ' in output
    row = json.loads(files[0].read_text())[0]
    resnet = 4.09 * (256 / 224)**2  # GMACs of a ResNet-50 at 256 pixels; 8 frames
    assert row['params_m'] == pytest.approx(23.9, abs=0.3)
    assert row['gmacs'] == pytest.approx(8 * resnet, rel=0.02)
    assert all(file.stat().st_size > 100 for file in files)


def test_data_benchmark(mini_root, tmp_path):
    video = mini_root / 'P01/videos/P01_01.mp4'
    config = next((ROOT / 'configs/cast').glob('*ek100-rgb.py'))
    output = run('tools/analysis/benchmark_data.py', config, video, '--repeats', 1, '--json',
                 tmp_path / 'o.json')
    assert 'ClipRandAugment' in output and '6 test views: ' in output
    assert json.loads((tmp_path / 'o.json').read_text())['speedup'][0] > 0


def test_decoders_are_compared_on_the_same_segments(mini_root, tmp_path):
    pytest.importorskip('av')
    video = mini_root / 'P01/videos/P01_01.mp4'
    tool, config = 'tools/analysis/benchmark_data.py', next((ROOT / 'configs/cast').glob('*ek100-rgb.py'))
    options = config, video, '--repeats', 3, '--decoders', 'decord', 'pyav', '--segment'
    output = run(tool, *options, 1, '--json', tmp_path / 'o.json')
    assert re.search(r'^decord .* in all 1.00 times faster than decord \(1.00–1.00\)$', output, re.M)
    assert re.search(r'^pyav +opening +[0-9.]+ ms, decoding +[0-9.]+ ms', output, re.M)
    seconds = json.loads((tmp_path / 'o.json').read_text())['seconds']
    assert [len(seconds[decoder]) for decoder in ('decord', 'pyav')] == [3, 3]
    assert 'P01_01.mp4: has ' in run(tool, *options, 1000, ok=False)


def test_view_by_view_makes_the_same_views(mini_root, monkeypatch):
    """So that the comparison is of equal work."""
    tool = load_tool('analysis/benchmark_data.py')
    config = Config.fromfile(next((ROOT / 'configs/cast').glob('*ek100-rgb.py')))
    pipeline = Compose(config.test_pipeline)
    sample = tool.sample_of(str(mini_root / 'P01/videos/P01_01.mp4'), config)
    together = pipeline(dict(sample))['inputs']  # crop after crop, clip after clip
    single = []
    last = pipeline.transforms[-1]
    monkeypatch.setattr(pipeline, 'transforms', [
        *pipeline.transforms[:-1], lambda results: single.append(last(results)['inputs'][0]) or results])
    assert tool.view_by_view(pipeline, sample, 3) == len(single) == 6
    expected = together.view(3, 2, *together.shape[1:]).transpose(0, 1).flatten(0, 1)
    assert torch.equal(torch.stack(single), expected)
