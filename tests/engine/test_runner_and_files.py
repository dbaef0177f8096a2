"""Runs in this process: what is loaded, from where, and what is said about it."""
import pytest
import torch
from conftest import MINI, build_tiny, load_tool, mini_runner
from mmengine import Config

from mmaction.registry import MODELS
from projects.cast.utils import InputError, MissingFileError

DEPTH = {f'model.backbone.experts.{name}.depth': 1 for name in ('spatial', 'temporal')}


@pytest.fixture(scope='module')
def expert_files(tmp_path_factory):
    """Options by which frozen mini experts come from files."""
    root = tmp_path_factory.mktemp('experts')
    cfg = Config.fromfile(MINI)
    cfg.merge_from_dict(DEPTH)
    options = dict(DEPTH)
    for name, expert in MODELS.build(cfg.model).backbone.experts.items():
        torch.save(expert.tower.state_dict(), root / f'{name}.pth')
        options[f'model.backbone.experts.{name}.checkpoint'] = str(root / f'{name}.pth')
        options[f'model.backbone.experts.{name}.frozen'] = True
    return options


def lost(options):
    """The same options, but the files are gone."""
    return {k: '/lost.pth' if k.endswith('.checkpoint') else v for k, v in options.items()}


@pytest.fixture(scope='module')
def complete(mini_root, expert_files, tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('complete')
    mini_runner(mini_root, work_dir, **expert_files, **{'default_hooks.checkpoint.interval': 1}).train()
    return str(work_dir / 'epoch_1.pth')


def test_M3_moving_average_and_slim_checkpoints(mini_root, expert_files, tmp_path):
    hooks = dict(custom_hooks=[dict(type='EMAHook', ema_type='LearnableEMA', momentum=0.5),
                               dict(type='SlimCheckpointHook')], **{'default_hooks.checkpoint.interval': 1})
    mini_runner(mini_root, tmp_path / 'train', **expert_files, **hooks).train()
    path = tmp_path / 'train/epoch_1.pth'
    stored = torch.load(path, weights_only=False)
    assert not any('.tower.conv1' in key for key in stored['state_dict']) and stored['ema_state_dict']

    tested = mini_runner(mini_root, tmp_path / 'test', load_from=str(path), **expert_files, **hooks)
    assert 'acc/verb_top1' in tested.test()
    again = mini_runner(mini_root, tmp_path / 'again', load_from=str(path), **expert_files, **hooks)
    again.train()
    tower = torch.load(expert_files['model.backbone.experts.spatial.checkpoint'])
    frozen = again.model.backbone.experts['spatial'].tower.state_dict()
    assert torch.equal(frozen['conv1.weight'], tower['conv1.weight'])


def test_M8_complete_checkpoints_need_no_expert_files(mini_root, expert_files, complete, tmp_path):
    options = lost(expert_files)
    with pytest.raises(MissingFileError, match='lost.pth: no such expert checkpoint'):
        mini_runner(mini_root, tmp_path / 'without', **options).train()
    runner = mini_runner(mini_root, tmp_path / 'with', load_from=complete, **options,
                         **{'optim_wrapper.optimizer.lr': 0.})
    runner.train()
    state = torch.load(complete, weights_only=False)['state_dict']
    assert all(torch.equal(v, state[k]) for k, v in runner.model.state_dict().items())


def test_M8_other_classes(mini_root, expert_files, complete, tmp_path):
    """The head of any checkpoint can be left out; with it the error says how."""
    five = dict(verb=6, noun=7)
    classes = {f'{key}.num_classes': five for key in (
        'model.cls_head', *(f'{split}_dataloader.dataset' for split in ('train', 'val', 'test')))}
    options = {**lost(expert_files), **classes}
    with pytest.raises(InputError, match='epoch_1.pth belongs to another model .* --drop-head'):
        mini_runner(mini_root, tmp_path / 'with', load_from=complete, **options).train()
    headless = str(tmp_path / 'headless.pth')
    load_tool('convert/release_checkpoint.py').convert(complete, headless, drop_head=True)
    runner = mini_runner(mini_root, tmp_path / 'without', load_from=headless, **options)
    runner.train()
    assert runner.model.cls_head.fc_cls['noun'].out_features == 7


def test_M8_load_state_dict_is_torchs():
    model = build_tiny()
    state = {k: v for k, v in model.state_dict().items() if 'temporal' not in k}
    other = {**state, 'x': torch.ones(1)}
    missing, unexpected = build_tiny(randomise=False).load_state_dict(other, strict=False)
    assert unexpected == ['x'] and set(missing) == set(model.state_dict()) - set(state)


def test_N11_a_finished_run_says_so(mini_root, tmp_path):
    for resume in (False, True):
        mini_runner(mini_root, tmp_path, resume=resume, **DEPTH,
                    **{'default_hooks.checkpoint.interval': 1}).train()
    logs = [path.read_text() for path in sorted(tmp_path.glob('*/*.log'))]
    assert 'This run is finished: 2 of 2 iterations are done. To go on, raise train_cfg' in logs[-1]


def test_minor16_compiled_by_a_key_of_the_config(mini_root, tmp_path):
    """`compile` is mmengine's; an eager backend shows that the step can be traced and stays the same."""
    losses = []
    for name, options in (('eager', {}), ('compiled', dict(compile=dict(backend='eager')))):
        runner = mini_runner(mini_root, tmp_path / name, **DEPTH, **options,
                             **{'train_dataloader.batch_size': 8})  # one iteration
        runner.train()
        losses.append(runner.message_hub.get_scalar('train/loss').data[0])
    assert 'Model has been "compiled"' in next((tmp_path / 'compiled').glob('*/*.log')).read_text()
    torch.testing.assert_close(*map(torch.tensor, losses))
