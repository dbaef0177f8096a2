"""Several processes: restarts, signals, errors and Slurm, on CPU processes joined by gloo."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch
from conftest import ENV, MINI, RECIPE, ROOT, SMALL, load_tool, mini_options, run, tensors

OPTIONS = {**SMALL, 'train_cfg.max_epochs': 3, 'train_dataloader.num_workers': 1,
           'train_dataloader.batch_size': 2}  # two iterations an epoch for each of two processes
KILL = '''
import os
import signal
from mmengine.hooks import Hook
from mmaction.registry import HOOKS

@HOOKS.register_module()
class KillOnce(Hook):
    """Kills the second process between the two iterations of the second epoch, once."""

    def after_train_iter(self, runner, *args, **kwargs):
        if (runner.rank, runner.iter, os.environ['TORCHELASTIC_RESTART_COUNT']) == (1, 2, '0'):
            os.kill(os.getpid(), signal.SIGKILL)
'''


def options(root, **more):
    return ['--cfg-options', *mini_options(root, **{**OPTIONS, **more})]


def running(marker):
    """Ids of the processes that have ``marker`` in their command line, but for the ones that have ended."""
    found = []
    for path in Path('/proc').glob('[0-9]*'):
        try:
            if str(marker) in (path / 'cmdline').read_text():
                found.append(int(path.name))
        except OSError:  # it ended meanwhile
            pass
    return found


def wait_for(condition, seconds):
    deadline = time.time() + seconds
    while not condition():
        assert time.time() < deadline
        time.sleep(0.1)


@pytest.fixture(scope='module')
def restarted(mini_root, tmp_path_factory):
    """The output and the last checkpoint of a run without ``--seed``, one process of which was killed."""
    work_dir, folder = (tmp_path_factory.mktemp(name) for name in ('restarted', 'config'))
    (folder / 'kill_once.py').write_text(KILL)
    config = folder / 'config.py'
    config.write_text(f"_base_ = '{RECIPE}'\ncustom_hooks = [dict(type='KillOnce')]\n"
                      "custom_imports = dict(imports=['projects.cast', 'kill_once'])\n")
    output = run('tools/dist_train.sh', config, 2, '--work-dir', work_dir, '--resume', *options(mini_root),
                 MAX_RESTARTS='1', PYTHONPATH=str(folder))  # the script adds the root
    return output, torch.load(work_dir / 'epoch_3.pth', weights_only=False)


@pytest.fixture(scope='module')
def undisturbed(restarted, mini_root, tmp_path_factory):
    """The last checkpoint of a run with the same seed that nobody killed."""
    work_dir = tmp_path_factory.mktemp('undisturbed')
    seed = restarted[1]['meta']['seed']
    output = run('tools/dist_train.sh', RECIPE, 2, '--work-dir', work_dir, '--seed', seed,
                 *options(mini_root))
    assert re.search(r'Epoch\(val\) \[3\]', output)
    return torch.load(work_dir / 'epoch_3.pth', weights_only=False)


def assert_equal(one, other):
    assert one['meta']['epoch'] == other['meta']['epoch'] == 3
    assert one['meta']['seed'] == other['meta']['seed']
    for a, b in zip(tensors(one), tensors(other), strict=True):
        assert torch.equal(a, b)


def test_restarts_bit_for_bit(restarted, undisturbed):
    output, checkpoint = restarted
    assert 'resumed epoch: 1, iter: 2' in output
    assert_equal(checkpoint, undisturbed)


@contextlib.contextmanager
def in_training(script, *arguments, work_dir, **env):
    """A script that trains in the background, as soon as its first iteration is logged."""
    log = work_dir / 'log'
    with log.open('w') as output:
        process = subprocess.Popen(['bash', script, *map(str, arguments)], cwd=ROOT, env={**ENV, **env},
                                   stdout=output, stderr=output)
    try:
        wait_for(lambda: 'Epoch(train)' in log.read_text(), 120)
        assert len(running(work_dir)) >= 3
        yield process
        wait_for(lambda: not running(work_dir), 40)
    finally:
        for pid in running(work_dir):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize('kind', [signal.SIGTERM, signal.SIGINT])
def test_N4_signals_end_all_processes(mini_root, tmp_path, kind):
    """The launcher, two processes that train and their data workers; the work directory tells them apart."""
    endless = options(mini_root, **{'train_cfg.max_epochs': 1000})
    with in_training('tools/dist_train.sh', MINI, 2, '--work-dir', tmp_path, *endless,
                     work_dir=tmp_path) as process:
        process.send_signal(kind)
        assert process.wait(60) == 128 + kind


SLURM = all(shutil.which(tool, path=f'{ENV["PATH"]}:/usr/sbin')
            for tool in ('srun', 'slurmctld', 'slurmd', 'munged'))


@pytest.mark.skipif(not SLURM or os.geteuid() != 0 or os.cpu_count() == 1,
                    reason='needs slurm-wlm and munge of Debian, root and two CPUs')
def test_slurm(undisturbed, mini_root, tmp_path):
    """Two tasks under Slurm compute what two processes of torchrun do, and ``scancel`` ends all of them."""
    slurm, work_dir = tmp_path / 'slurm', tmp_path / 'work'
    work_dir.mkdir()
    env = {'SLURM_CONF': str(slurm / 'slurm.conf'), 'GPUS': '2', 'GPUS_PER_NODE': '0', 'CPUS_PER_TASK': '1'}
    train = ['tools/slurm_train.sh', 'local', 'cast', RECIPE, '--work-dir', work_dir,
             '--seed', undisturbed['meta']['seed']]
    try:
        run('tools/slurm_local.sh', 'start', WORK=str(slurm))
        run(*train, *options(mini_root), **env)
        assert_equal(torch.load(work_dir / 'epoch_3.pth', weights_only=False), undisturbed)
        output = run('tools/slurm_test.sh', 'local', 'cast', RECIPE, work_dir / 'epoch_3.pth',
                     '--work-dir', work_dir, *options(mini_root), **env)
        assert 'acc/action_top1' in output
        endless = options(mini_root, **{'train_cfg.max_epochs': 1000})
        with in_training(*train, *endless, work_dir=work_dir, **env) as process:
            subprocess.run(['scancel', '--name=cast'], env={**ENV, **env}, check=True)
            assert process.wait(60) != 0
    finally:
        run('tools/slurm_local.sh', 'stop', WORK=str(slurm))
    assert not running(slurm / 'munge.socket')


def test_a_failed_process_ends_in_one_line():
    output = run('tools/dist_train.sh', 'lost.py', 2, ok=False)
    assert 'lost.py' in output
    assert re.fullmatch(r'error: process [01] ended with status 1, see above', output.splitlines()[-1])


@pytest.mark.parametrize('variables, message', [
    ({'MAX_RESTARTS': '1'}, 'MAX_RESTARTS=1 would start again from nothing; add --resume'),
    ({'MAX_RESTARTS': 'many'}, 'MAX_RESTARTS=many: give a whole number of at least 0'),
    ({'NNODES': '2'}, 'NNODES=2 needs MASTER_ADDR'),
])
def test_bad_variables(variables, message, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=f'^error: {message}'):
        load_tool('_launch.py').main('2', 'tools/train.py', str(MINI))
