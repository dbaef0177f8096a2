"""What nothing reads, and classes that differ, are found before anything is built (N5)."""
import pytest
from conftest import MINI, ROOT, load_tool, run
from mmengine import Config

from projects.cast.engine import CASTRunner, read_config
from projects.cast.utils import InputError, MissingFileError

EK100 = next((ROOT / 'configs/cast').glob('*ek100-rgb.py'))
K400 = next((ROOT / 'configs/cast').glob('*k400-rgb.py'))


@pytest.mark.parametrize('option, message', [
    ('optim_wraper.optimizer.lr=1', "nothing reads 'optim_wraper'; did you mean 'optim_wrapper'"),
    ('optim_wrapper.optimizer.lrr=1', "optimizer.lrr: nothing reads 'lrr' there; did you mean 'lr'"),
    ('optim_wrapper.paramwise_cfg.layer_decay=1', "did you mean 'layer_decay_rate'"),
    ('train_dataloader.batchsize=2', "train_dataloader.batchsize: .*; did you mean 'batch_size'"),
    ('train_dataloader.dataset.annfile=a', "dataset.annfile: .*; did you mean 'ann_file'"),
    ('train_dataloader.dataset.data_prefix.vidoe=a', "did you mean 'video'"),
    ('train_dataloader.dataset.pipeline.1.cliplen=4', "pipeline.1.cliplen: .*; did you mean 'clip_len'"),
    ('train_cfg.max_epoch=3', "did you mean 'max_epochs'"),
    ('default_hooks.chekpoint.interval=1', "hooks.chekpoint: has no type, .* did you mean 'checkpoint'"),
    ('default_hooks.checkpoint.intervall=1', "did you mean 'interval'"),  # the hook takes further keys
    ('model.backbone.experts.spatail.checkpoint=a', "spatail: has no type, .* did you mean 'spatial'"),
    ('model.backbone.experts.spatial.chekpoint=a', "did you mean 'checkpoint'"),
    ('model.backbone.exchanges.b_cast.layer=1', "did you mean 'layers'"),
    ('model.cls_head.type=VerbNounHed', "registered as 'VerbNounHed'; did you mean 'VerbNounHead'"),
    ('model.test_cfg.max_testing_view=1', "did you mean 'max_testing_views'"),
    ('model.data_preprocessor.blending.augments.alfa=1', "did you mean 'alpha'"),
    ('val_evaluator.tail_verb=1', "did you mean 'tail_verbs'"),
    ('param_scheduler.0.ennd=4', "did you mean 'end'"),
    ('param_scheduler.7.end=4', r'--cfg-options param_scheduler.7.end: Index 7 exceeds the length of list'),
    ('vis_backends=[]', "'vis_backends' is set too late, .*; set visualizer.vis_backends"),
    ('max_epochs=3', "'max_epochs' is set too late, .*; set .*train_cfg.max_epochs"),
    ('data_root=a', "'data_root' is set too late, .*; set .*train_dataloader.dataset.data_prefix.video"),
    ('weights.clip=a', "'weights' is set too late"),
    ('something=1', "nothing reads 'something'")])
def test_N5_misspelt_and_dead_options(option, message):
    key, _, value = option.partition('=')
    with pytest.raises(InputError, match=message):
        read_config(str(EK100), {key: [] if value == '[]' else value})


@pytest.mark.parametrize('line, message', [
    ("optim_wraper = dict(accumulative_counts=1)", "reads 'optim_wraper'; did you mean 'optim_wrapper'"),
    ("data_root = 'mine'", "config.py: 'data_root' is set too late, .*; set .*data_prefix.video"),
    ("weights = dict(clip='mine')", "config.py: 'weights' is set too late"),
    ("max_epochs = 3", "'max_epochs' is set too late, .*, or call derive.* max_epochs=...."),
    ("train_cfg = dict(max_epoch=3)", "train_cfg.max_epoch: nothing reads 'max_epoch' there"),
    ("max_epochs =", 'config.py: cannot be read as a config .SyntaxError'),
    ("model = dict(cls_head=dict(num_classes=dict(verb=3)))", "head.num_classes={'verb': 3, 'noun': 300}")])
def test_N5_misspelt_and_dead_keys_in_a_file(tmp_path, line, message):
    (tmp_path / 'config.py').write_text(f"_base_ = '{EK100}'\n{line}\n")
    with pytest.raises(InputError, match=message):
        read_config(str(tmp_path / 'config.py'))


@pytest.mark.parametrize('lines', [
    "note = 'mine'", "root = 'mine'\nval_dataloader = dict(dataset=dict(data_prefix=dict(video=root)))",
    "data_root = 'mine'\ntrain_dataloader = dict(dataset=dict(data_prefix=dict(video='mine')))",
    "custom_hooks = [dict(type='EMAHook', ema_type='LearnableEMA', momentum=2.5e-5)]"])
def test_what_acts_or_harms_nobody_passes(tmp_path, lines):
    (tmp_path / 'config.py').write_text(f"_base_ = '{EK100}'\n{lines}\n")
    options = {'model.backbone.experts.spatial.depth': 12, 'work_dir': 'runs'}
    cfg = read_config(str(tmp_path / 'config.py'), options)
    cfg.dump(tmp_path / 'dumped.py')  # where every variable is left over
    read_config(str(tmp_path / 'dumped.py'))


@pytest.mark.parametrize('key', [
    'model.cls_head', 'train_dataloader.dataset', 'model.data_preprocessor.blending.augments'])
def test_N5_classes_that_do_not_fit(key):
    with pytest.raises(InputError, match=f'numbers of classes must be the same: .*{key}.num_classes=5'):
        read_config(str(K400), {f'{key}.num_classes': 5})


def test_missing_files_are_named(tmp_path):
    (tmp_path / 'config.py').write_text("_base_ = 'lost.py'\n")
    with pytest.raises(MissingFileError, match='lost.py: no such config file; .*config.py inherits from it'):
        read_config(str(tmp_path / 'config.py'))
    with pytest.raises(MissingFileError, match='gone.py: no such config file$'):
        read_config(str(tmp_path / 'gone.py'))


def test_N5_the_runner_checks_before_it_builds(tmp_path, monkeypatch):
    """Also without our command line, as `mim train` does it."""
    cfg = Config.fromfile(MINI)
    cfg.merge_from_dict({'work_dir': str(tmp_path / 'run'), 'optim_wrapper.optimizer.lrr': 1})
    with pytest.raises(InputError, match="did you mean 'lr'"):
        CASTRunner.from_cfg(cfg)
    assert not (tmp_path / 'run').exists()


def test_N5_one_line_on_stderr():
    output = run('tools/train.py', MINI, '--cfg-options', 'optim_wraper.x=1', ok=False)
    assert output.startswith('error: ') and output.count('\n') == 1
    assert output.endswith("rgb.py: nothing reads 'optim_wraper'; did you mean 'optim_wrapper'?\n")


@pytest.mark.parametrize('arguments, message', [
    (['lost.py', 'x.pth'], '^lost.py: no such config file$'),
    ([str(MINI), '--cfg-options', 'resume'], '^--cfg-options resume: no value; give key=value$'),
    (['--seed', '0', str(MINI), '--cfg-options', 'train_cfg.max_epoch=3', '--resume'], "mean 'max_epochs'")])
def test_N5_command_lines_are_checked(arguments, message):
    with pytest.raises(InputError, match=message):
        load_tool('_host.py').check_command_line(arguments)
