"""Whole runs through MMAction2's own tools, as users start them: subprocesses on the mini kitchens."""
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import mmengine
import pytest
import torch
from conftest import ENV, MINI, RECIPE, ROOT, SMALL, mini_options, run, tensors
from mmengine import Config

import mmaction


def train(root, work_dir, *arguments, config=MINI, seed=0, **options):
    seeded = () if seed is None else ('--seed', seed)
    return ['tools/train.py', config, '--work-dir', work_dir, *seeded, *arguments,
            '--cfg-options', *mini_options(root, **{**SMALL, **options})]


def metrics(output):
    return re.findall(r'acc/(\w+): ([\d.]+)', output.rpartition('(test)')[2])


@pytest.fixture(scope='module')
def trained(mini_root, tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('trained')
    output = run(*train(mini_root, work_dir), PYTHONWARNINGS='')  # as they would be shown
    assert 'loss_verb' in output and 'acc/action_top1' in output
    (work_dir / 'output.txt').write_text(output)
    return work_dir / 'epoch_2.pth'


def test_N8_quiet_start_and_curves(trained):
    """The environment in one line, no warnings, the config in the work directory; a picture at the end."""
    work_dir = trained.parent
    lines = (work_dir / 'output.txt').read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if 'Epoch(train)' in line)
    assert first < 40 and re.search(r'Python 3.* torch 2.* seed: 0; the config', ' '.join(lines[:first]))
    assert not [line for line in lines if 'arning' in line or 'WARN' in line or 'deprecated' in line]
    config = Config.fromfile(work_dir / MINI.name)
    assert config.model.backbone.experts.spatial.depth == 1  # as the options of the command line made it
    assert 'curves.png' in run('tools/analysis/plot_run.py', work_dir)
    assert cv2.imread(str(work_dir / 'curves.png')).std() > 10
    assert run('tools/analysis/plot_run.py', work_dir / 'lost', ok=False).startswith('error: ')


def test_train_then_test(trained, mini_root, tmp_path):
    options = ['--work-dir', tmp_path, '--cfg-options', *mini_options(mini_root, **SMALL)]
    single = metrics(run('tools/test.py', MINI, trained, *options))
    assert {name for name, _ in single} == {
        f'{task}_top{k}' for task in ('verb', 'noun', 'action') for k in (1, 5)}

    output = run('tools/dist_test.sh', MINI, trained, 2, *options)
    assert metrics(output) == single


def test_in_bf16(trained, mini_root, tmp_path):
    """The hook changes scores a little, and a top class only where two are nearly level."""
    predictions = []
    for hook in ([], ['default_hooks.bf16.type=BF16TestHook']):
        dump = tmp_path / f'{len(predictions)}.pkl'
        run('tools/test.py', MINI, trained, '--work-dir', tmp_path, '--dump', dump, '--cfg-options',
            *mini_options(mini_root, **SMALL), *hook)
        predictions.append([sample['pred_score'] for sample in mmengine.load(dump)])
    for expected, low in zip(*predictions):
        for task, score in expected.items():
            assert score.dtype == low[task].dtype == torch.float32
            assert not torch.equal(low[task], score)
            torch.testing.assert_close(low[task], score, rtol=0.1, atol=0.01)
            assert score.max() - score[low[task].argmax()] < 0.01


def test_killed_run_resumes_bit_for_bit(mini_root, tmp_path):
    """One data worker; RandAugment, random crops, mixup and drop path go on as they would have.

    The killed run has no ``--seed``: the one it drew is in its checkpoint, and the undisturbed run gets it.
    """
    options = {**SMALL, 'train_cfg.max_epochs': 4, 'train_dataloader.num_workers': 1,
               'optim_wrapper.accumulative_counts': 3}  # two batches an epoch
    whole, broken = tmp_path / 'whole', tmp_path / 'broken'
    command = [sys.executable, *map(str, train(mini_root, broken, config=RECIPE, seed=None, **options))]
    process = subprocess.Popen(command, cwd=ROOT, env=ENV, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True)
    deadline = time.time() + 200
    while not (broken / 'last_checkpoint').is_file() and time.time() < deadline:
        assert process.poll() is None, process.communicate()[0].decode()[-3000:]
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    done = int(re.search(r'epoch_(\d)', (broken / 'last_checkpoint').read_text()).group(1))
    assert done < 4
    (broken / f'epoch_{done + 1}.pth.part').write_bytes(b'half a checkpoint')  # killed while saving

    output = run(*train(mini_root, broken, '--resume', config=RECIPE, seed=None, **options))
    output = output.replace('  ', ' ')
    assert f'resumed epoch: {done}' in output and f'Epoch(train) [{done + 1}]' in output
    assert f'Epoch(train) [{done}]' not in output
    other = torch.load(broken / 'epoch_4.pth', weights_only=False)
    run(*train(mini_root, whole, config=RECIPE, seed=other['meta']['seed'], **options))
    one = torch.load(whole / 'epoch_4.pth', weights_only=False)
    assert one['meta']['epoch'] == other['meta']['epoch'] == 4
    for a, b in zip(tensors(one), tensors(other), strict=True):
        assert torch.equal(a, b)


def losses(output):
    return re.findall(r'loss_verb: ([\d.]+).*loss_noun: ([\d.]+)', output)


def test_same_seed_gives_the_same_losses(mini_root, tmp_path):
    options = {**SMALL, 'model.backbone.drop_path_rate': 0.3}
    runs = [losses(run(*train(mini_root, tmp_path / str(workers), config=RECIPE,
                              **options, **{'train_dataloader.num_workers': workers})))
            for workers in (2, 2, 3)]
    assert len(runs[0]) == 4 and runs[0] == runs[1] == runs[2]


def test_training_survives_a_broken_video(mini_root, tmp_path):
    train_csv = mini_root / 'EPIC_100_train.csv'
    bad = tmp_path / 'bad.csv'
    bad.write_text(train_csv.read_text().replace('P01_02', 'P01_77', 3))  # the first row of that video
    config = tmp_path / 'config.py'
    config.write_text(f"_base_ = '{MINI}'\noptim_wrapper = dict(type='BF16OptimWrapper')\n"
                      "custom_hooks = [dict(type='EMAHook', ema_type='LearnableEMA')]\n")
    output = run(*train(mini_root, tmp_path, config=config, **{**SMALL, 'train_cfg.max_epochs': 1}),
                 f'train_dataloader.dataset.ann_file={bad}')
    assert 'P01_77.mp4: no such video' in output and 'Another sample takes its place' in output
    assert (tmp_path / 'epoch_1.pth').is_file()
    checkpoint = torch.load(tmp_path / 'epoch_1.pth', weights_only=False)
    assert 'module.cls_head.fc_cls.verb.weight' in checkpoint['ema_state_dict']

    val_csv = (mini_root / 'EPIC_100_validation.csv').read_text()
    bad.write_text(val_csv.replace('P51_01,00', 'P51_77,00', 1))
    options = [*mini_options(mini_root, **SMALL), f'test_dataloader.dataset.ann_file={bad}',
               'test_dataloader.dataset.broken_as_wrong=True']
    output = run('tools/test.py', MINI, tmp_path / 'epoch_1.pth', '--work-dir', tmp_path,
                 '--cfg-options', *options)
    assert 'P51_77.mp4: no such video' in output and ('broken', '1.0000') in metrics(output)


def test_broken_video_stops_the_test_and_is_named(trained, mini_root, tmp_path):
    bad = tmp_path / 'bad.csv'
    text = (mini_root / 'EPIC_100_validation.csv').read_text()
    bad.write_text(text.replace('P51_01', 'P51_99'))
    output = run(
        'tools/test.py', MINI, trained, '--work-dir', tmp_path, '--cfg-options',
        *mini_options(mini_root, **SMALL), f'test_dataloader.dataset.ann_file={bad}', ok=False)
    assert 'P51_99.mp4: no such video' in output


def test_demo(trained, mini_root, tmp_path):
    video = mini_root / 'P51/videos/P51_01.mp4'
    classes = [mini_root / f'EPIC_100_{kind}_classes.csv' for kind in ('verb', 'noun')]
    config = tmp_path / 'config.py'
    config.write_text(f"_base_ = '{MINI}'\nmodel = dict(backbone=dict(experts=dict("
                      'spatial=dict(depth=1), temporal=dict(depth=1))))\n')
    output = run('tools/demo.py', video, config, trained, '--label-map', *classes)
    tasks = re.findall(r'^(verb|noun|action)\n((?:  .*\n?)+)', output, re.M)
    assert [task for task, _ in tasks] == ['verb', 'noun', 'action']
    assert all(len(lines.splitlines()) == 5 for _, lines in tasks)
    assert re.search(r'\d %  (slide|lift|lower|shake|stir)', tasks[0][1])


def test_N9_a_broken_video_is_one_line(tmp_path):
    (tmp_path / 'broken.mp4').write_bytes(b'no video')
    output = run('tools/demo.py', tmp_path / 'broken.mp4', MINI, '--label-map', 'ek100_verb', 'ek100_noun',
                 ok=False, PYTHONWARNINGS='')
    assert re.fullmatch(r'error: .*broken.mp4: cannot be read as a video. .*\n', output)


def host_rows():
    """The rows of the table of MMAction2's tools: the tool, and what the page says of it."""
    page = (ROOT / 'docs/tools.md').read_text().split("## MMAction2's other tools")[1].split('## ')[0]
    return dict(re.findall(r'^\| `([\w/]+\.py)`[^|]* \| (.*) \|$', page, flags=re.M))


@pytest.fixture(scope='module')
def results(trained, mini_root, tmp_path_factory):
    """What ``tools/test.py --dump`` writes."""
    path = tmp_path_factory.mktemp('results') / 'results.pkl'
    run('tools/test.py', MINI, trained, '--dump', path, '--cfg-options', *mini_options(mini_root, **SMALL))
    return path


@pytest.mark.parametrize('name', host_rows())
def test_N6_tools_of_the_host(name, trained, results, mini_root, tmp_path):
    """Each row of the page: its command runs, or ours is named, by the page and by the command."""
    command = re.match(r'`python (tools/host\.py [^`]*)`', host_rows()[name])
    if command:
        if 'moviepy' in host_rows()[name]:
            pytest.importorskip('moviepy')
        names = dict(CONFIG=MINI, CHECKPOINT=trained, OUT=tmp_path / 'out')
        names = {**names, 'RESULTS.pkl': results, 'OUT.png': tmp_path / 'out.png'}
        words = [str(names.get(word, word)) for word in command[1].split()]
        data = [] if name.endswith(('print_config.py', 'get_flops.py')) else mini_options(mini_root, **SMALL)
        output = run(*words, *(data if '--cfg-options' in words or not data else ['--cfg-options', *data]))
        assert 'OUT' not in command[1] or list(tmp_path.iterdir()), output
        assert 'eval_metric' not in name or 'acc/action_top1' in output
        return
    output = run('tools/host.py', name, ok=False)
    assert output.count('\n') == 1 and output.startswith('error: ')
    if 'not supported' in host_rows()[name]:
        return
    ours = re.search(r'; use (tools/\S+) instead', output)[1]
    assert (ROOT / ours).is_file() and f'`{ours}' in host_rows()[name]


def test_N6_the_table_of_the_hosts_tools_is_complete():
    tools = Path(mmaction.__file__).parent / '.mim/tools'
    there = {f'{folder}/{path.name}' for folder in ('analysis_tools', 'visualizations')
             for path in (tools / folder).glob('*.py')}
    assert there <= set(host_rows())
    assert sum('not supported' in text for text in host_rows().values()) <= 2


def test_N6_a_host_tool_that_does_not_exist():
    output = run('tools/host.py', 'analysis_tools/lost.py', ok=False)
    assert output.startswith('error: ') and 'lost.py: no such tool in the installed MMAction2' in output


def test_minor12_a_package_that_hides_ours_is_named(tmp_path):
    (tmp_path / 'projects').mkdir()
    (tmp_path / 'projects/__init__.py').touch()
    (tmp_path / 'sitecustomize.py').write_text(  # an editable install would be found all the same
        "import sys\nsys.meta_path = [f for f in sys.meta_path if 'editable' not in repr(f)]\n")
    output = run('tools/train.py', MINI, ok=False, PYTHONPATH=str(tmp_path))
    assert output.startswith(f'error: {tmp_path}/projects hides projects.cast') and output.count('\n') == 1
