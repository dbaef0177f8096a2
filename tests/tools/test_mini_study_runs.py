"""The rows, the runs and the verdicts of the miniature study."""
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import ROOT, load_tool
from mmengine.hooks import Hook
from scipy import stats

from mmaction.registry import DATASETS, HOOKS, MODELS
from projects.cast.engine import expert_configs
from projects.cast.utils import InputError

sys.path.insert(0, str(ROOT / 'tools'))
from study import (  # noqa: E402
    generate,
    jobs,
    looks,
    pretrain,
    report,
    results,
    rows,
    run,
    scenes,
    verdict,
)

BLIND = dict(spatial=dict(noun=100., direction=25., mark=100., scene=100.),
             temporal=dict(noun=12.5, direction=100., mark=50., scene=50.))
SMALL = dict(train=2, tuning=1, validation=1, **{'no-prior': 1})


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp('study') / 'plain'
    generate.generate(folder, 'plain', **SMALL)
    return folder


def runs(verb, noun, seeds=5, clips=600, start=0):
    """Made-up results with these accuracies."""
    made = {}
    for seed in range(rows.FIRST_SEED, rows.FIRST_SEED + seeds):
        rng = np.random.default_rng([start, seed])
        right = dict(verb=rng.random(clips) < verb, noun=rng.random(clips) < noun)
        made[seed] = dict(right, action=right['verb'] & right['noun'])
    return made


def test_intervals_by_hand():
    values = [50., 52., 54.]
    half = stats.t.ppf(0.975, 2) * 2 / 3**0.5
    assert verdict.over_seeds(values) == pytest.approx((52, 52 - half, 52 + half))
    assert verdict.over_seeds([50.])[1:] == (-np.inf, np.inf)
    difference = np.tile([1, 0, 0, -1, 1], (4, 200))  # every seed alike: only the clips vary
    found = verdict.bootstrap(difference)
    error = 100 * difference[0].std() / 1000**0.5
    assert found.mean == pytest.approx(20)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * error, rel=0.1)
    between = np.repeat([[0], [1]], 500, 1)  # all clips alike: only the seeds vary
    assert verdict.bootstrap(between)[1:] == pytest.approx((0, 100))


def test_verdicts_of_all_kinds():
    low, high = runs(0.5, 0.4), runs(0.8, 0.7, start=1)
    assert verdict.compare(high, low, 'noun')[0] == verdict.HOLDS
    assert verdict.compare(low, high, 'noun')[0] == verdict.DOES_NOT
    assert verdict.compare(runs(0.5, 0.4, start=2), low, 'noun')[0] == verdict.UNDECIDED
    first = high[rows.FIRST_SEED]
    one = {rows.FIRST_SEED: first}
    assert verdict.compare(one, low, 'noun')[0] == verdict.UNDECIDED  # a single seed decides nothing
    assert verdict.compare({77: first}, low, 'noun')[0] == verdict.UNDECIDED  # no seed in common
    assert verdict.together([verdict.HOLDS] * 3) == verdict.HOLDS
    assert verdict.together([verdict.HOLDS, verdict.UNDECIDED]) == verdict.UNDECIDED
    assert verdict.together([verdict.HOLDS, verdict.UNDECIDED, verdict.DOES_NOT]) == verdict.DOES_NOT
    assert verdict.together([]) == verdict.UNDECIDED


def test_the_claim_holds_only_if_all_of_it_does():
    known = {seed: {'1': BLIND, '3': BLIND} for seed in report.SEEDS}
    table = {'full': runs(0.9, 0.9, start=1), 'independent': runs(0.5, 0.3)}
    assert report.claim(table, known).startswith("undecided, as 'late fusion, add' has not been run")
    table.update({late: runs(0.8, 0.5, start=2 + i) for i, late in enumerate(report.LATE)})
    assert report.claim(table, known) == verdict.HOLDS
    better = runs(0.95, 0.5, start=9)  # in verbs
    assert report.claim({**table, 'late-add': better}, known) == verdict.DOES_NOT
    assert report.claim({**table, 'independent': runs(0.8, 0.3, start=8)}, known) == verdict.UNDECIDED
    for seeds in (2, 6):  # neither too few, nor more until it holds
        other = {**table, 'full': runs(0.9, 0.9, seeds=seeds, start=1)}
        assert report.claim(other, known).startswith("undecided, as 'CAST' has not been run with exactly")
    sees = {**BLIND, 'temporal': {**BLIND['temporal'], 'mark': 70.}}
    nothing = {role: dict(noun=12.5, direction=24.5, mark=49., scene=49.) for role in BLIND}
    unclear = {**BLIND, 'spatial': {**BLIND['spatial'], 'direction': float('nan')}}
    for of_seed in ({'1': BLIND, '3': sees}, {'1': sees, '3': BLIND}, {}, {'1': BLIND}, {'3': BLIND},
                    {'1': nothing, '3': nothing}, {'1': BLIND, '3': unclear}):
        assert report.claim(table, {**known, 7: of_seed}).endswith('the seeds [7] are not known to be blind')


def test_shuffled_labels_decide_nothing():
    """A perfect and a useless row are alike where the labels do not belong to the clips, but for chance."""
    decided = 0
    for trial in range(40):
        rng = np.random.default_rng(trial)
        labels, rows_ = rng.integers(8, size=600), {'perfect': {}, 'useless': {}}
        for seed in range(5):
            shuffled = rng.permutation(labels)
            for name, predicted in (('perfect', labels), ('useless', rng.integers(8, size=600))):
                rows_[name][seed] = dict(verb=predicted == shuffled)
        decided += verdict.compare(rows_['perfect'], rows_['useless'], 'verb')[0] != verdict.UNDECIDED
    assert decided <= 4


def learnable(config):
    return sum(p.numel() for p in MODELS.build(config.model).parameters() if p.requires_grad)


@pytest.mark.parametrize('name', rows.ROWS)
def test_every_row_can_be_built(name):
    """It differs from CAST, and its numbers in the paper are found."""
    row = rows.ROWS[name]
    config = rows.study_config(row.config, row.adapters, row.hidden)
    full = rows.study_config(rows.FULL)
    assert name == 'full' or config.model != full.model
    assert set(results.paper_of(name)) == {'verb', 'noun', 'action'}
    model = MODELS.build(config.model)
    logits = model.forward(torch.zeros(1, 1, 3, 8, 48, 48), stage='head')
    assert {task: tuple(x.shape) for task, x in logits.items()} == dict(verb=(1, 8), noun=(1, 8))
    tuned = name.endswith('-tuned')
    assert config.optim_wrapper.paramwise_cfg.layer_decay_rate == (0.75 if tuned else 1)
    for expert in model.backbone.experts.values():
        norm = {id(p) for p in expert.post_norm.parameters()}
        assert all(p.requires_grad == (tuned or id(p) in norm) for p in expert.tower.parameters())
    files = {cfg.type: cfg.checkpoint for cfg in expert_configs(config.model).values()}
    assert all(f'/{pretrain.PRETRAINED[kind]}_' in file for kind, file in files.items())


def test_rows_have_the_learnable_parameters_that_they_say():
    count = {name: learnable(rows.study_config(row.config, row.adapters, row.hidden))
             for name, row in rows.ROWS.items() if name in (*rows.CORE, 'identity')}
    assert count['late-concat'] < 40_000 < 100_000 < count['full']
    for name in ('late-concat-wide', 'late-concat-mlp'):
        assert count['full'] <= count[name] < 1.1 * count['full']
    assert count['independent'] < count['identity'] < count['full']
    assert count['s2t-only'] < count['full'] and count['t2s-only'] < count['full']


def test_rows_of_blocks_and_windows():
    def exchange(name):
        return rows.study_config(rows.ROWS[name].config).model.backbone.exchanges.b_cast

    layers = [exchange(name).layers for name in ('last-block', 'last-half', 'last-three')]
    assert layers == [[3], [2, 3], [1, 2, 3]]
    assert exchange('full').bottleneck_dims == 32
    assert exchange('all-all').receivers == dict(spatial='space-time', temporal='space-time')


@pytest.mark.parametrize('config, message', [
    ('single_clip_ssv2', 'has one label a video'),
    ('table5_independent-in21k', 'has pre-trained only CLIPExpert'),
    ('nothing', 'no such config')])
def test_what_the_study_cannot_run(config, message):
    with pytest.raises(InputError, match=message):
        rows.study_config(config)


def test_the_grid_is_widened_at_its_edges(tmp_path, monkeypatch):
    assert rows.grid_of({}) == list(rows.GRID)
    inner = {'0.001': [50, 50, 20], '0.002': [60, 50, 30], '0.004': [60, 50, 30], '0.008': [50, 55, 30]}
    assert rows.grid_of(inner) == list(rows.GRID)
    assert rows.grid_of({**inner, '0.008': [90, 50, 30]}) == [*rows.GRID, 0.016]
    assert rows.grid_of({**inner, '0.001': [90, 50, 30]}) == [0.0005, *rows.GRID]
    assert rows.best_of({'0.001': [99, 99, 99], '0.002': [99, 99, 98], '0.008': [99, 99, 99]}) == 0.002
    monkeypatch.setattr(rows, 'RATES', tmp_path / 'rates.json')
    with pytest.raises(InputError, match='has no learning rate for .full.*--tune'):
        rows.rate('full', 'plain')
    edge = {**inner, '0.008': [90, 50, 30]}
    known = {'plain': {'full': inner, 'late-add': edge}}
    rows.RATES.write_text(json.dumps({'version': rows.VERSION, **known}))
    assert rows.rate('full', 'plain') in (0.002, 0.004)
    with pytest.raises(InputError, match='has no learning rate'):  # the best is at the edge
        rows.rate('late-add', 'plain')
    rows.RATES.write_text(json.dumps({'version': rows.VERSION - 1, **known}))
    with pytest.raises(InputError, match='has no learning rate'):  # another version of the study
        rows.rate('full', 'plain')


def small_config(root, work_dir, name='full'):
    config = rows.study_config(rows.ROWS[name].config, rows.ROWS[name].adapters)
    for cfg in expert_configs(config.model).values():
        cfg.update(checkpoint=None, depth=1)
    config.train_dataloader.batch_size = 8
    config.train_cfg.max_iters = 4
    config.default_hooks.checkpoint.interval = 2
    config.param_scheduler[0].end = config.param_scheduler[1].begin = 2
    config.param_scheduler[1].end = 4
    return run.prepare(config, root)


def test_a_run_can_be_stopped_and_is_the_same(root, tmp_path, monkeypatch):
    """Decoded clips equal the pipeline's; a run that was killed ends with the same predictions."""
    config = small_config(root, tmp_path)
    data = config.train_dataloader.dataset
    fresh = rows.study_config(rows.FULL).train_dataloader.dataset
    fresh.update(ann_file=data.ann_file, data_prefix=data.data_prefix)
    for i in (0, 63):
        ours, theirs = (DATASETS.build(d)[i] for d in (data, fresh))
        assert ours['inputs'].shape == (1, 3, 8, 48, 48) and (ours['inputs'] == theirs['inputs']).all()
        assert ours['data_samples'].gt_label == theirs['data_samples'].gt_label
    whole = run.train(small_config(root, tmp_path), tmp_path / 'whole_seed0', 0, 1e-3)
    assert whole['learnable'] > 0 and 0 <= whole['acc/action_top1'] <= 100
    assert run.train(None, tmp_path / 'whole_seed0', 0, 1e-3) == whole  # it is done

    config = small_config(root, tmp_path)
    config.custom_hooks = [dict(type='StopAt', step=3)]
    with pytest.raises(KeyboardInterrupt):
        run.train(config, tmp_path / 'parts_seed0', 0, 1e-3)
    parts = run.train(small_config(root, tmp_path), tmp_path / 'parts_seed0', 0, 1e-3)
    assert parts['seconds'] is None and dict(parts, seconds=0) == dict(whole, seconds=0)
    (tmp_path / 'parts_seed0/result.json').unlink()  # as if it had been stopped in the test
    assert run.train(small_config(root, tmp_path), tmp_path / 'parts_seed0', 0, 1e-3) == parts
    one, two = (results.read_dump(str(tmp_path / name / 'predictions.pkl'))
                for name in ('whole_seed0', 'parts_seed0'))
    for a, b in zip(one, two):
        assert torch.equal(a['pred_score']['verb'], b['pred_score']['verb'])


@HOOKS.register_module()
class StopAt(Hook):
    def __init__(self, step):
        self.step = step

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter + 1 == self.step:
            raise KeyboardInterrupt


def test_the_report(root, tmp_path):
    """Tables, verdicts and the picture of whatever has been run, both validation sets apart."""
    work, actions = tmp_path / 'work', generate.read_objects(root, 'validation')
    free = generate.read_objects(root, 'no-prior')
    labels = [dict(verb=int(v), noun=int(n)) for a in (actions, free) for v, n in zip(a.verbs, a.nouns[:, 0])]
    for name, right in (('full', 64), ('independent', 16)):
        for seed in (0, 1):
            folder = work / 'plain' / 'runs' / f'{name}_seed{seed}'
            folder.mkdir(parents=True)
            samples = []
            for i, label in enumerate(labels):
                scores = {task: torch.zeros(8) for task in label}
                for task, value in label.items():
                    scores[task][value if i < right + seed else (value + 1) % 8] = 1
                samples.append(dict(pred_score=scores, gt_label=label))
            (folder / 'predictions.pkl').write_bytes(pickle.dumps(samples))
            (folder / 'result.json').write_text(json.dumps(dict(learnable=1234, lr=1e-3, seconds=5.)))
            (folder / 'looks.json').write_text(json.dumps({
                'before': {'S2T, moving': [1., 1.]}, 'after': {'S2T, moving': [1.5, 3. + seed]}}))
    found = results.read_work('plain', work, root.parent)
    text = report.report('plain', found, work / 'plain')
    assert '| CAST | 2 | 1 k | 0.001 | 100.0 (100.0 to 100.0) |' in text
    assert '| independent experts | 2 | 1 k | 0.001 | 51.6 (31.7 to 71.4) |' in text
    assert "**undecided, as 'CAST' has not been run with exactly the 5 seeds**" in text
    hard = report.report('hard', found, work / 'hard')
    assert 'The claim is judged at the level `plain`' in hard and '**' not in hard
    second = text.split('Where nouns and directions')[1]
    assert '| independent experts | 2 | 1 k | 0.001 | 0.0 (0.0 to 0.0) |' in second
    assert '| S2T, moving | 2 | 1.0 (1.0 to 1.0) | 3.5 (-2.9 to 9.9) |' in text
    assert (work / 'plain/report.png').stat().st_size > 10_000 and (work / 'plain/report.md').exists()


def test_what_is_published_is_kept_and_gives_the_same_tables(root, tmp_path, monkeypatch):
    monkeypatch.setattr(results, 'published', lambda level: tmp_path / f'{level}.json')
    monkeypatch.setitem(generate.LEVELS, 'plain', generate.LEVELS['plain']._replace(splits={
        name: split._replace(videos=SMALL[name]) for name, split in generate.LEVELS['plain'].splits.items()}))
    with pytest.raises(InputError, match='plain.json: has no results of version'):
        results.read_published('plain')
    actions = tuple(generate.read_objects(root, split) for split in ('validation', 'no-prior'))
    for split, drawn in zip(('validation', 'no-prior'), actions):
        assert all((a == b).all() for a, b in zip(drawn, generate.redraw('plain', split)))
    right = {'full': runs(0.9, 0.8, seeds=2, clips=64), 'independent': runs(0.5, 0.3, seeds=1, clips=64)}
    logs = {name: {seed: dict(lr=1e-3, learnable=10, seconds=2. + seed) for seed in seeds}
            for name, seeds in right.items()}
    looks_ = {0: {when: {'S2T, moving': [1., 2.]} for when in ('before', 'after')}}
    found = results.Findings(right, logs, {0: {'1': BLIND}}, looks_, {'a cue': [1., 2.]}, actions)
    results.publish('plain', found._replace(right={'independent': right['independent']}, controls={}))
    other = found._replace(right={'full': right['full'], 'independent': {5: right['full'][5]}})
    results.publish('plain', other)  # what is there already stays
    read = results.read_published('plain')
    assert read[1:5] == found[1:5] and list(read.right) == ['independent', 'full']
    for name, seeds in right.items():
        for seed, tasks in seeds.items():
            assert all((read.right[name][seed][task] == tasks[task]).all() for task in tasks)
    text = report.report('plain', read, tmp_path / 'out')
    assert '| CAST | 2 | 0 k | 0.001 |' in text and '| a cue | 1.0 | 2.0 |' in text


def test_what_is_published_leaves_ones_own_report(tmp_path, monkeypatch):
    own = tmp_path / 'plain/report.md'
    own.parent.mkdir()
    own.write_text('my own')
    monkeypatch.setattr(sys, 'argv', ['mini_study.py', '--published', '--work-dir', str(tmp_path)])
    load_tool('mini_study.py').main()
    assert own.read_text() == 'my own' and (tmp_path / 'published/plain/report.md').exists()


@pytest.mark.parametrize('option', ('--report', '--publish'))
def test_only_runs_of_these_settings_are_reported(option, tmp_path, monkeypatch):
    """Those of another learning rate or version are neither shown nor published."""
    tool, published = load_tool('mini_study.py'), []
    found = results.Findings({'late-add': {5: {}}}, {}, {}, {}, {}, ())
    monkeypatch.setattr(tool, 'prepare', lambda config, root: config)
    monkeypatch.setattr(tool, 'read_work', lambda *_: found)
    monkeypatch.setattr(tool, 'report', lambda level, found, folder: published.append(found))
    monkeypatch.setattr(tool, 'publish', lambda level, found: published.append(found))
    monkeypatch.setattr(sys, 'argv', ['mini_study.py', option, '--work-dir', str(tmp_path)])
    job = tool.Study('plain', tmp_path, tmp_path).row_job('late-add', 5, rows.rate('late-add', 'plain'))
    jobs.check_key(job.done, job.key)
    job.done.write_text('{}')
    tool.main()
    assert published == [found]
    job.done.with_suffix('.key').write_text(jobs.key_of('of another version'))
    with pytest.raises(InputError, match='result.json: was made or begun with other settings'):
        tool.main()
    assert published == [found]


@pytest.mark.parametrize('level, heading', [('plain', '## Results'), ('hard', '## The level `hard`')])
def test_the_page_shows_what_was_found(level, heading, tmp_path):
    """Its tables are those that follow from the results that are kept, in this order, and no others."""
    page = (ROOT / 'docs/evidence.md').read_text().split(f'\n{heading}\n')[1].split('\n## ')[0]
    text = report.report(level, results.read_published(level), tmp_path)
    tables = [line for line in text.splitlines() if line.startswith('|')]
    assert len(tables) > 60 and [line for line in page.splitlines() if line.startswith('|')] == tables
    assert all(line in page for line in text.splitlines() if '**' in line)


def test_jobs_that_are_done_are_left_out(tmp_path, capsys):
    """Jobs run in processes of their own; what they print is in a file, and a failure is not lost."""
    files = [tmp_path / str(i) / 'done.txt' for i in range(3)]
    todo = [jobs.Job(f'job {i}', file, 1., write, (file, i)) for i, file in enumerate(files)]
    todo[0].done.parent.mkdir()
    jobs.check_key(todo[0].done, '')
    todo[0].done.write_text('before')
    jobs.do_all({'none': [], 'jobs': todo}, 2)
    shown = capsys.readouterr().out
    assert 'jobs: 2 of 3' in shown and 'job 1 is done' in shown and 'job 0' not in shown
    assert [job.done.read_text() for job in todo] == ['before', '1', '2']
    assert (tmp_path / '1/done.log').read_text() == 'number 1\n'
    bad = jobs.Job('bad', tmp_path / 'bad.txt', 1., write, (tmp_path / 'nowhere/x', 1))
    with pytest.raises(FileNotFoundError, match='nowhere'):
        jobs.do_all({'jobs': [bad]}, 1)
    assert f'bad has failed, see {tmp_path / "bad.log"}' in capsys.readouterr().out.replace('\n', '')
    assert 'FileNotFoundError' in (tmp_path / 'bad.log').read_text()
    with pytest.raises(BrokenProcessPool):  # as if there were not enough memory
        jobs.do_all({'jobs': [jobs.Job('killed', tmp_path / 'killed.txt', 1., os._exit, (1, ))]}, 1)


def test_ctrl_c_ends_all_jobs_at_once(tmp_path):
    """Those that run are ended, and those that wait are not begun."""
    code = ('import sys, time; from pathlib import Path; sys.path.insert(0, "tools"); '
            'from study.jobs import Job, do_all\n'
            'if __name__ == "__main__": do_all({"jobs": [Job(str(i), Path(sys.argv[1]) / f"{i}.txt", 1., '
            'time.sleep, (60, )) for i in range(5)]}, 1)')
    process = subprocess.Popen([sys.executable, '-c', code, tmp_path], cwd=ROOT, start_new_session=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list(tmp_path.glob('*.log')) and process.poll() is None:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=30) != 0
    assert [path.name for path in tmp_path.glob('*.log')] == ['0.log']


def test_results_of_other_settings_are_not_mixed(tmp_path):
    file = tmp_path / 'result.json'
    job = jobs.Job('one', file, 1., write, (file, 1), jobs.key_of(1, 'a'))
    job.done.write_text('1')
    with pytest.raises(InputError, match='result.json: nothing says with which settings'):
        jobs.do_all({'jobs': [job]}, 1)
    job.done.unlink()
    jobs.check_key(job.done, job.key)  # it is begun
    assert jobs.key_of(1, 'a') == job.key != jobs.key_of(1, 'b')
    with pytest.raises(InputError, match=f'with other settings.*delete {tmp_path}'):
        jobs.do_all({'jobs': [job._replace(key=jobs.key_of(2, 'a'))]}, 1)


def test_nobody_else_works_in_the_folder(tmp_path):
    work = tmp_path / 'work'
    with jobs.alone_in(work), pytest.raises(InputError, match='work: another study is'), jobs.alone_in(work):
        pass
    with jobs.alone_in(work):
        pass


def test_workers_die_with_their_parent(tmp_path):
    code = ('import os, sys, time; sys.path.insert(0, "tools"); from study.jobs import die_with; '
            'pid = os.fork()\n'
            'if pid: print(pid, flush=True); time.sleep(0.5); os._exit(0)\n'
            'die_with(os.getppid()); time.sleep(60)')
    command = [sys.executable, '-c', code]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=50)
    assert done.stdout.strip().isdigit()  # run() returns once the child, which holds the pipe, is gone


def write(path, number):
    print(f'number {number}', flush=True)
    path.write_text(str(number))


def test_attention_on_an_object_by_hand():
    places = np.full((1, 4, 2), 12)
    places[0, 2:] = 36
    share = looks.touched(places)
    assert share.shape == (1, 4, 36)
    assert (share.sum(-1) * 64).tolist() == [[len(scenes.DISC)] * 4]
    assert share[0, 0, 7] > 0.8 and share[0, 0, 28] == 0 and share[0, 2, 28] > 0.8
    even = np.full(share.shape, 1 / 36)
    assert looks.over_even(even, share, -1) == pytest.approx(1)
    sharp = np.zeros(share.shape)
    sharp[0, :2, 7] = sharp[0, 2:, 28] = 1
    area = len(scenes.DISC) / 64 / 36  # of the picture
    assert looks.over_even(sharp, share, -1) == pytest.approx(share[0, 0, 7] / area)
    in_time = np.zeros(share.shape)
    in_time[0, 0], in_time[0, 2] = 1, 0  # all look at the first frame
    in_time[0, 0, 28], in_time[0, 2, 28] = 0, 1
    here = [7, 28]
    assert looks.over_even(in_time[..., here], share[..., here], 1) == pytest.approx(2)


def test_looks_at_a_known_place(root, monkeypatch):
    """All attention is on the patch of the moving object, or of a resting one, in CLIP's frames."""
    places = generate.read_objects(root, 'validation').places
    patches = places[:, :, 1::2] // 8 @ [6, 1]
    moving, resting = (torch.from_numpy(np.eye(36)[patches[:, k]]) for k in (0, 1))

    @contextmanager
    def record(model):
        yield [SimpleNamespace(exchange=exchange, asking=asking, block=block, mass=mass)
               for exchange, asking, block, mass in (
                   ('b_cast', 'temporal', 1, resting), ('b_cast', 'temporal', 0, moving),
                   ('b_cast', 'spatial', 0, moving), (None, 'temporal', 0, resting))]

    monkeypatch.setattr(looks, 'record_attention', record)
    monkeypatch.setattr(looks, 'received', lambda a: a.mass)
    config = small_config(root, None)
    found = looks.looks(config, None, root, 0)
    assert {name: len(values) for name, values in found.items()} == {
        'S2T, moving': 2, 'S2T, resting': 2, 'T2S, moving': 1}
    covered, area = looks.touched(places[:, 0, 1::2]), len(scenes.DISC) / 64 / 36
    at = np.take_along_axis(covered, patches[:, 0, :, None], -1).mean()  # of the patch that is looked at
    assert found['S2T, moving'][0] == pytest.approx(at / area) and at / area > 15
    assert found['S2T, moving'][1] < 1 and found['S2T, resting'][0] < 1 < 5 < found['S2T, resting'][1]
    assert found['T2S, moving'][0] > 1.5


def test_looks_of_a_model(root):
    """Before training, nobody looks where something moves; every block and direction is there."""
    config = small_config(root, None)
    for cfg in expert_configs(config.model).values():
        cfg.depth = 2
    found = looks.looks(config, None, root, 0)
    assert {name: len(values) for name, values in found.items()} == {
        'S2T, moving': 2, 'S2T, resting': 2, 'T2S, moving': 1}
    assert all(0.5 < value < 2 for values in found.values() for value in values)


@pytest.mark.parametrize('options, message', [
    (['ful'], 'there is no row ful; there are independent, late-add'),
    (['--seeds', '0'], '--seeds 0: must be from 1 to 50'), (['--jobs', '0'], '--jobs 0: must be from'),
    (['full', '--published'], 'full: give either rows or --all, and neither of them for a report'),
    (['full', '--all'], 'full --all: give either rows or --all'),
    (['--report', '--data', 'nowhere'], 'run tools/mini_study.py --level plain')])
def test_what_cannot_be_run(monkeypatch, options, message):
    monkeypatch.setattr(sys, 'argv', ['mini_study.py', *options])
    with pytest.raises(InputError, match=message):
        load_tool('mini_study.py').main()

