"""Whole runs through MMAction2's own tools, as users start them: subprocesses on the mini kitchens."""
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from conftest import MINI, ROOT, mini_options

ENV = {**os.environ, 'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}', 'OMP_NUM_THREADS': '1',
       'PYTHONWARNINGS': 'ignore', 'PYTHONPATH': str(ROOT)}
SMALL = {
    'model.backbone.experts.spatial.depth': 1, 'model.backbone.experts.temporal.depth': 1,
    'train_cfg.max_epochs': 2, 'train_cfg.val_interval': 1, 'default_hooks.checkpoint.interval': 1}


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return str(probe.getsockname()[1])


def run(*command, ok=True, **env):
    result = subprocess.run([str(c) for c in command], cwd=ROOT, env={**ENV, **env}, text=True, timeout=240,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert (result.returncode == 0) == ok, result.stdout[-3000:]
    return result.stdout


def train(root, work_dir, *arguments, **options):
    return [sys.executable, 'tools/train.py', MINI, '--work-dir', work_dir, '--seed', 0, *arguments,
            '--cfg-options', *mini_options(root, **{**SMALL, **options})]


def metrics(output):
    return re.findall(r'acc/(\w+): ([\d.]+)', output.rpartition('(test)')[2])


@pytest.fixture(scope='module')
def trained(mini_root, tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('trained')
    output = run(*train(mini_root, work_dir))
    assert 'loss_verb' in output and 'acc/action_top1' in output
    return work_dir / 'epoch_2.pth'


def test_train_then_test(trained, mini_root, tmp_path):
    options = ['--work-dir', tmp_path, '--cfg-options', *mini_options(mini_root, **SMALL)]
    single = metrics(run(sys.executable, 'tools/test.py', MINI, trained, *options))
    assert {name for name, _ in single} == {
        f'{task}_top{k}' for task in ('verb', 'noun', 'action') for k in (1, 5)}

    output = run('bash', 'tools/dist_test.sh', MINI, trained, 2, *options, PORT=free_port())
    assert metrics(output) == single


def test_dist_train(mini_root, tmp_path):
    output = run('bash', 'tools/dist_train.sh', MINI, 2, '--work-dir', tmp_path, '--cfg-options',
                 *mini_options(mini_root, **SMALL), PORT=free_port())
    assert re.search(r'Epoch\(val\) \[2\]', output) and (tmp_path / 'epoch_2.pth').is_file()


def test_killed_run_resumes(mini_root, tmp_path):
    whole = {**SMALL, 'train_cfg.max_epochs': 4}
    command = [str(c) for c in train(mini_root, tmp_path, **whole)]
    process = subprocess.Popen(command, cwd=ROOT, env=ENV, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True)
    deadline = time.time() + 200
    while not (tmp_path / 'last_checkpoint').is_file() and time.time() < deadline:
        assert process.poll() is None, process.communicate()[0].decode()[-3000:]
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    last = (tmp_path / 'last_checkpoint').read_text()
    done = int(re.search(r'epoch_(\d)', last).group(1))
    assert done < 4

    output = run(*train(mini_root, tmp_path, '--resume', **whole))
    assert f'resumed epoch: {done}' in output and f'Epoch(train) [{done + 1}]' in output.replace('  ', ' ')
    assert f'Epoch(train) [{done}]' not in output.replace('  ', ' ')
    checkpoint = torch.load(tmp_path / 'epoch_4.pth', weights_only=False)
    assert checkpoint['meta']['epoch'] == 4


def test_broken_video_stops_the_test_and_is_named(trained, mini_root, tmp_path):
    bad = tmp_path / 'bad.csv'
    text = (mini_root / 'EPIC_100_validation.csv').read_text()
    bad.write_text(text.replace('P51_01', 'P51_99'))
    output = run(
        sys.executable, 'tools/test.py', MINI, trained, '--work-dir', tmp_path, '--cfg-options',
        *mini_options(mini_root, **SMALL), f'test_dataloader.dataset.ann_file={bad}', ok=False)
    assert 'P51_99.mp4: no such video' in output


def test_demo(trained, mini_root, tmp_path):
    video = mini_root / 'P51/videos/P51_01.mp4'
    classes = [mini_root / f'EPIC_100_{kind}_classes.csv' for kind in ('verb', 'noun')]
    config = tmp_path / 'config.py'
    config.write_text(f"_base_ = '{MINI}'\nmodel = dict(backbone=dict(experts=dict("
                      'spatial=dict(depth=1), temporal=dict(depth=1))))\n')
    output = run(sys.executable, 'tools/demo.py', video, config, trained, '--label-map', *classes)
    tasks = re.findall(r'^(verb|noun|action)\n((?:  .*\n?)+)', output, re.M)
    assert [task for task, _ in tasks] == ['verb', 'noun', 'action']
    assert all(len(lines.splitlines()) == 5 for _, lines in tasks)
    assert re.search(r'\d %  (slide|lift|lower|shake|stir)', tasks[0][1])
