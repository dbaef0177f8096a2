"""The third expert of toy.py from video files to scores, through the Runner and with two processes."""
import pickle

import pytest
import torch
from conftest import MINI, ROOT, mini_dict, mini_options, run
from mmengine import Config

from mmaction.registry import RUNNERS

CONFIG = '''
_base_ = '{mini}'
from toy import recognizer

custom_imports = dict(imports=['projects.cast', 'toy'], allow_failed_imports=False)
model = dict(_delete_=True, **recognizer(share=('sound', )))
pack = dict(
    type='PackActionInputs', collect_keys=('imgs', 'spectrogram', 'times'), algorithm_keys=('gt_label', ),
    meta_keys=('filename', 'narration_id'))


def steps(**sampling):
    return [
        dict(type='InitVideo'), dict(type='UniformClips', clip_len=4, **sampling), dict(type='DecodeVideo'),
        dict(type='Resize', scale=(32, 32), keep_ratio=False), dict(type='FormatShape', input_format='NCTHW'),
        dict(type='MakeSound'), pack]


train_dataloader = dict(dataset=dict(pipeline=steps()))
val_dataloader = dict(dataset=dict(pipeline=steps(test_mode=True)))
test_dataloader = dict(dataset=dict(pipeline=steps(test_mode=True, num_clips=2)))
train_cfg = dict(max_epochs=2, val_interval=2)
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.75))
'''


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'third_system.py'
    path.write_text(CONFIG.format(mini=MINI))
    return path


def test_batches_with_and_without_sound_through_the_runner(mini_root, config, tmp_path):
    cfg = Config.fromfile(config)
    cfg.merge_from_dict(mini_dict(mini_root, **{
        'work_dir': str(tmp_path / 'run'), 'default_hooks.checkpoint.interval': 1, 'randomness.seed': 0,
        'test_dataloader.batch_size': 1}))  # a batch of a silent video has no sound at all
    cfg.experiment_name = str(tmp_path)
    runner = RUNNERS.build(cfg)
    runner.train()
    metrics = runner.test()
    assert {f'acc/{task}_top1' for task in ('verb', 'noun', 'place', 'action')} <= set(metrics)
    losses = runner.message_hub.log_scalars['train/loss_place']
    assert torch.isfinite(torch.tensor(losses.data[0])).all() and len(losses.data[0]) == 4

    groups = [(p, group['weight_decay']) for group in runner.optim_wrapper.param_groups
              for p in group['params']]
    decay = {id(p): value for p, value in groups}
    assert len(decay) == len(groups)  # what is shared is there once
    exchanges = runner.model.backbone.exchanges_at(1)
    s, t = exchanges['s_sound'], exchanges['t_sound']
    assert decay[id(s.attn.sound.tables.query_pos.space)] == decay[id(t.attn.sound.query_pos)] == 0
    assert decay[id(s.time.weight)] > 0 and decay[id(s.down.sound.weight)] > 0


def test_two_processes(mini_root, config, tmp_path):
    paths = f'{ROOT}:{ROOT / "tests"}'
    options = mini_options(mini_root, **{
        'default_hooks.checkpoint.interval': 2, 'train_dataloader.batch_size': 2})
    output = run('tools/dist_train.sh', config, 2, '--work-dir', tmp_path / 'run', '--cfg-options', *options,
                 PYTHONPATH=paths)
    assert 'acc/place_top1' in output
    output = run('tools/test.py', config, tmp_path / 'run/epoch_2.pth', '--dump', tmp_path / 'scores.pkl',
                 '--work-dir', tmp_path / 'test', '--cfg-options', *options, PYTHONPATH=paths)
    with open(tmp_path / 'scores.pkl', 'rb') as file:
        samples = pickle.load(file)
    assert len(samples) == 4 and all(set(s['gt_label']) == {'verb', 'noun', 'place'} for s in samples)
    assert 'acc/place_top1' in output
