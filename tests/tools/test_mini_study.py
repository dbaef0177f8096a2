"""The miniature study: its clips, its experts, its rows, and the rule by which it judges."""
import csv
import json
import os
import pickle
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest
import torch
from conftest import ROOT
from decord import VideoReader
from mmengine.hooks import Hook
from scipy import stats

from mmaction.registry import DATASETS, HOOKS, MODELS
from projects.cast.utils import InputError

sys.path.insert(0, str(ROOT / 'tools'))
from study import (  # noqa: E402
    controls,
    generate,
    jobs,
    looks,
    pretrain,
    probes,
    report,
    results,
    rows,
    run,
    scenes,
    verdict,
)

SMALL = dict(train=2, tuning=1, validation=1, **{'no-prior': 1})


def draw(count=64, seed=0, **law):
    return scenes.draw_actions(np.random.default_rng(seed), count, scenes.Law(**law))


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp('study') / 'plain'
    generate.generate(folder, 'plain', **SMALL)
    return folder


def read_csv(path):
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize('objects', (1, 3, 4))
def test_one_object_moves_straight_and_far_from_the_others(objects):
    actions = draw(objects=objects)
    assert actions.places.shape == (64, objects, 8, 2)
    steps = scenes.around(np.diff(actions.places, axis=2))
    assert not steps[:, 1:].any() and np.abs(steps[:, 0]).max(-1).min() >= 1
    unit = np.array(list(scenes.DIRECTIONS.values()))[actions.direction]
    whole = scenes.around(actions.places[:, 0, -1] - actions.places[:, 0, 0])
    assert ((whole * unit).sum(-1) >= 7).all() and ((whole * unit[:, ::-1]).sum(-1) == 0).all()
    assert actions.places.min() >= 0 and actions.places.max() < scenes.SIZE
    for places in actions.places:
        for a in range(objects):
            for b in range(a):
                gaps = np.linalg.norm(scenes.around(places[a][:, None] - places[b]), axis=-1)
                assert gaps.min() > scenes.GAP - 1.5  # they are drawn in whole pixels
    assert all(len(set(nouns)) == objects for nouns in actions.nouns)


def test_labels_follow_from_what_is_drawn():
    actions = draw(400)
    for i, verb in enumerate(actions.verbs):
        direction, bit = scenes.VERBS[verb].split('-')
        assert direction == list(scenes.DIRECTIONS)[actions.direction[i]]
        value = actions.marks[i, 0] if direction in ('left', 'right') else actions.scene[i]
        assert value == (bit in ('marked', 'level'))
    even = actions.nouns[:, 0] % 2 == 0
    share = (even == (actions.direction < 2)).mean()
    assert abs(share - 0.8) < 0.07
    free = draw(400, prior=0.5)
    assert abs(((free.nouns[:, 0] % 2 == 0) == (free.direction < 2)).mean() - 0.5) < 0.09


def test_luminance_tells_nothing_about_appearance():
    """Other nouns, marks and scenes change no pixel's luminance before it is rounded and encoded."""
    actions = draw(8)
    other = actions._replace(nouns=(actions.nouns + 3) % 8, marks=1 - actions.marks)
    one, two = (scenes.luminance(np.random.default_rng(1), a) for a in (actions, other))
    assert (one == two).all()
    frames = scenes.render(np.random.default_rng(1), actions).astype(float)
    changed = scenes.render(np.random.default_rng(1), other).astype(float)
    luma = np.array([0.299, 0.587, 0.114])
    assert np.abs(frames - changed).max() > 40
    inside = ((frames > 0) & (frames < 255) & (changed > 0) & (changed < 255)).all(-1)  # bytes end somewhere
    assert inside.mean() > 0.98
    assert np.abs(frames @ luma - changed @ luma)[inside].max() < 1.2


def test_chroma_tells_nothing_about_motion():
    """For the temporal expert, all colours change from frame to frame, also those of what rests."""
    actions = draw(4, objects=1)
    clips = scenes.render_motion(np.random.default_rng(0), actions, 1.).astype(float)
    chroma = clips[..., 2] - clips[..., 0]
    assert np.abs(np.diff(chroma, axis=1)).mean((0, 2, 3)).min() > 10
    grey = scenes.render_motion(np.random.default_rng(0), actions, 0.)
    assert (grey[..., 0] == grey[..., 2]).all()


def test_an_object_is_drawn_where_it_is_said_to_be():
    actions = draw(8, objects=1)
    frames = scenes.render(np.random.default_rng(0), actions, scenes.Law(objects=1)).astype(float)
    saturation = frames.max(-1) - frames.min(-1)
    for clip, path in zip(saturation, actions.places[:, 0]):
        for frame, (y, x) in zip(clip, path):
            inside = np.roll(frame, (4 - y, 4 - x), (0, 1))[:9, :9].mean()
            assert inside > 1.2 * frame.mean()


def test_files_have_the_clips(root):
    """The decoded files are the drawn clips as the codec leaves them; the labels are in EPIC's columns."""
    names = {name: read_csv(root / f'EPIC_100_{name}.csv') for name in (*generate.OTHERS, 'train', 'test')}
    assert [len(names[name]) for name in ('train', 'validation', 'no-prior', 'test')] == [64, 32, 32, 64]
    assert names['test'] == names['validation'] + names['no-prior']
    videos = [{row['video_id'] for row in names[split]} for split in ('train', *generate.OTHERS)]
    assert sum(map(len, videos)) == len(set.union(*videos)) == 5
    actions = generate.read_objects(root, 'validation')
    law = scenes.Law()
    key = [generate.STUDY, 0, 0, list(generate.LEVELS['plain'].splits).index('validation'), 0]
    drawn, frames = generate.video(key, law)
    for a, b in zip(actions, drawn):
        assert (a == b).all()
    row = names['validation'][3]
    video = VideoReader(str(root / row['participant_id'] / 'videos' / f'{row["video_id"]}.avi'))
    decoded = video[int(row['start_frame']) - 1:int(row['stop_frame'])].asnumpy()[:, 8:-8, 8:-8]
    original = np.stack([f for f, i, *_ in frames if i == 3])[:, 8:-8, 8:-8]
    assert len(decoded) == 8
    assert (row['verb'], row['noun']) == (scenes.VERBS[drawn.verbs[3]], scenes.NOUNS[drawn.nouns[3, 0]])
    decoded = decoded.astype(float)
    assert np.abs(decoded - scenes.through_codec(original)).mean() < 5  # decoders differ in chroma
    assert np.abs(decoded - original).mean() < 8
    before = (root / 'EPIC_100_train.csv').stat().st_mtime_ns
    generate.generate(root, 'plain', **SMALL)
    assert (root / 'EPIC_100_train.csv').stat().st_mtime_ns == before
    with pytest.raises(InputError, match='complete: was made or begun with other settings'):
        generate.generate(root, 'plain', 1, **SMALL)


def test_no_two_videos_share_a_seed(monkeypatch, tmp_path):
    keys, participants = [], []
    monkeypatch.setattr(generate, 'video', lambda key, law: (keys.append(tuple(key)), (draw(1), []))[1])
    monkeypatch.setattr(generate, 'write_video', lambda path, *_: participants.append(str(path)))
    for level, (_, splits) in generate.LEVELS.items():
        generate.generate(tmp_path / level, level)
        assert all(splits[name].videos * generate.ACTIONS >= 2400 for name in ('validation', 'no-prior'))
    assert len(keys) == len(set(keys)) == len(set(participants)) > 700
    assert {key[0] for key in keys} == {generate.STUDY} != {pretrain.PRETRAINING}  # the first number of all


@pytest.mark.parametrize('kind', pretrain.STAGES)
def test_pretraining_goes_on_where_it_was_stopped(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(pretrain, 'EVERY', 1)
    monkeypatch.setattr(pretrain.STAGES[kind], 'batch_size', 4)
    whole, parts = tmp_path / 'whole.pth', tmp_path / 'parts.pth'
    pretrain.pretrain(kind, whole, seed=3, steps=3)

    saved = pretrain.save

    def stop(value, path):
        saved(value, path)
        if isinstance(value, list) and value[0] == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(pretrain, 'save', stop)
    with pytest.raises(KeyboardInterrupt):
        pretrain.pretrain(kind, parts, seed=3, steps=3)
    monkeypatch.setattr(pretrain, 'save', saved)
    assert not parts.exists()
    pretrain.pretrain(kind, parts, seed=3, steps=3)
    one, two = torch.load(whole, weights_only=True), torch.load(parts, weights_only=True)
    assert list(one) == list(two) and all((one[k] == two[k]).all() for k in one)
    assert [p.name for p in tmp_path.glob('*.partial')] == []
    model = pretrain.STAGES[kind]()
    model.expert.tower.load_state_dict(one)


def test_the_motion_expert_is_told_where_the_object_is():
    model, rng = pretrain.Motions(), np.random.default_rng(0)
    model.batch_size = 6
    clip, direction, tokens = model.batch(rng, 10**6)
    assert clip.shape == (6, 3, 8, 48, 48) and tokens.shape == (6, 4, 36)
    for label, per_token in zip(direction, tokens):
        assert set(per_token.unique().tolist()) == {0, int(label) + 1}
        assert ((per_token > 0).sum(-1) >= 1).all() and (per_token > 0).float().mean() < 0.2


def test_bounds_by_hand():
    """Three objects, of which the first moves to the right; nouns 0 and 2 prefer this, and 1 does not."""
    zero = np.array([0])
    actions = scenes.Actions(np.array([[0, 1, 2]]), np.array([[1, 1, 0]]), zero, zero, np.zeros(0))
    found = probes.bounds(actions, 0.8)  # shares of 0.8, 0.2 and 0.8 in 1.8
    assert found == pytest.approx(dict(verb=100 / 1.8, noun=80 / 1.8, action=80 / 1.8))
    assert probes.bounds(actions, 0.5) == pytest.approx(dict(verb=200 / 3, noun=100 / 3, action=100 / 3))
    up = actions._replace(direction=np.array([3]))
    assert probes.bounds(up, 0.8) == pytest.approx(dict(verb=100., noun=80 / 1.2, action=80 / 1.2))


def test_probes_find_what_is_there_and_nothing_else():
    rng = torch.Generator().manual_seed(0)
    labels = torch.randint(4, (1000, ), generator=rng)
    noise = torch.randn(1000, 16, generator=rng)
    shown = noise + 4 * torch.nn.functional.one_hot(labels, 16)
    assert probes.linear_probe(shown, labels) > 90
    assert probes.linear_probe(noise, labels) < 35
    scores = dict(spatial=dict(noun=100., direction=25., mark=100., scene=100.),
                  temporal=dict(noun=12.5, direction=100., mark=75., scene=50.))
    assert probes.blind(scores) == {'spatial, direction': 0., 'temporal, noun': 0., 'temporal, mark': 0.5,
                                    'temporal, scene': 0.}


def test_no_cue_gives_the_noun_away():
    """Not colours, one frame, the path or the luminance; and in no frame do places tell what moves."""
    actions = draw(4000, prior=0.5)
    found = controls.controls(actions, scenes.render(np.random.default_rng(0), actions))
    assert len(found) == 7
    for name, (value, most) in found.items():
        assert most == pytest.approx(100 / 3) and value < most + 3, name


def test_controls_would_find_a_cue():
    """Places do tell what moves if it is always in the left half; and colours tell a noun that is alone."""
    actions = draw(600, prior=0.5)
    actions.places[:, 0, :, 1] %= 24
    left = (actions.places[:, :, [0]] // 8 @ [6, 1])[..., None] == np.arange(36)
    assert controls.mover_probe(left.mean(2)) > 45
    assert abs(controls.mover_probe(np.zeros((100, 4, 36))) - 25) < 1e-3
    alone = draw(1500, objects=1, prior=0.5)
    found = controls.controls(alone, scenes.render(np.random.default_rng(0), alone, scenes.Law(objects=1)))
    assert found['noun from the mean colour'][0] > 20  # 12.5 by chance


def runs(verb, noun, seeds=5, clips=600, start=0):
    """Made-up results with these accuracies."""
    made = {}
    for seed in range(seeds):
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
    assert verdict.bootstrap(between)[1:] == (0, 100)


def test_verdicts_of_all_kinds():
    low, high = runs(0.5, 0.4), runs(0.8, 0.7, start=1)
    assert verdict.compare(high, low, 'noun')[0] == verdict.HOLDS
    assert verdict.compare(low, high, 'noun')[0] == verdict.DOES_NOT
    assert verdict.compare(runs(0.5, 0.4, start=2), low, 'noun')[0] == verdict.UNDECIDED
    one = {0: high[0]}
    assert verdict.compare(one, low, 'noun')[0] == verdict.UNDECIDED  # a single seed decides nothing
    assert verdict.compare({7: high[0]}, low, 'noun')[0] == verdict.UNDECIDED  # no seed in common
    assert verdict.together([verdict.HOLDS] * 3) == verdict.HOLDS
    assert verdict.together([verdict.HOLDS, verdict.UNDECIDED]) == verdict.UNDECIDED
    assert verdict.together([verdict.HOLDS, verdict.UNDECIDED, verdict.DOES_NOT]) == verdict.DOES_NOT
    assert verdict.together([]) == verdict.UNDECIDED


def test_the_claim_holds_only_if_all_of_it_does():
    blind = dict(spatial=dict(noun=100., direction=25., mark=100., scene=100.),
                 temporal=dict(noun=12.5, direction=100., mark=50., scene=50.))
    known = {seed: {'1': blind, '3': blind} for seed in range(5)}
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
    sees = {**blind, 'temporal': {**blind['temporal'], 'mark': 70.}}
    for probes_of in ({**known, 3: {'1': blind, '3': sees}}, {s: known[s] for s in (0, 1, 2, 4)}):
        assert report.claim(table, probes_of).endswith('the seeds [3] are not known to be blind')


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
    files = {cfg.type: cfg.checkpoint for cfg in rows.experts_of(config.model).values()}
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
    for cfg in rows.experts_of(config.model).values():
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
    text = report.report('plain', work, root.parent)
    assert '| CAST | 2 | 1 k | 0.001 | 100.0 (100.0 to 100.0) |' in text
    assert '| independent experts | 2 | 1 k | 0.001 | 51.6 (31.7 to 71.4) |' in text
    assert "**undecided, as 'CAST' has not been run with exactly the 5 seeds**" in text
    second = text.split('Where nouns and directions')[1]
    assert '| independent experts | 2 | 1 k | 0.001 | 0.0 (0.0 to 0.0) |' in second
    assert '| S2T, moving | 2 | 1.0 (1.0 to 1.0) | 3.5 (-2.9 to 9.9) |' in text
    assert (work / 'plain/report.png').stat().st_size > 10_000 and (work / 'plain/report.md').exists()


def test_jobs_that_are_done_are_left_out(tmp_path, capsys):
    """Jobs run in processes of their own; what they print is in a file, and a failure is not lost."""
    files = [tmp_path / str(i) / 'done.txt' for i in range(3)]
    todo = [jobs.Job(f'job {i}', file, 1., write, (file, i)) for i, file in enumerate(files)]
    todo[0].done.parent.mkdir()
    jobs.check_key(todo[0].done, '')
    todo[0].done.write_text('before')
    jobs.do_all(todo, 2, 'jobs')
    shown = capsys.readouterr().out
    assert 'jobs: 2 of 3' in shown and 'job 1 is done' in shown and 'job 0' not in shown
    assert [job.done.read_text() for job in todo] == ['before', '1', '2']
    assert (tmp_path / '1/done.log').read_text() == 'number 1\n'
    bad = jobs.Job('bad', tmp_path / 'bad.txt', 1., write, (tmp_path / 'nowhere/x', 1))
    with pytest.raises(FileNotFoundError, match='nowhere'):
        jobs.do_all([bad], 1, 'jobs')
    assert f'bad has failed, see {tmp_path / "bad.log"}' in capsys.readouterr().out.replace('\n', '')
    with pytest.raises(BrokenProcessPool):  # as if there were not enough memory
        jobs.do_all([jobs.Job('killed', tmp_path / 'killed.txt', 1., os._exit, (1, ))], 1, 'jobs')


def test_results_of_other_settings_are_not_mixed(tmp_path):
    file = tmp_path / 'result.json'
    job = jobs.Job('one', file, 1., write, (file, 1), jobs.key_of(1, 'a'))
    job.done.write_text('1')
    with pytest.raises(InputError, match='result.json: nothing says with which settings'):
        jobs.do_all([job], 1, 'jobs')
    job.done.unlink()
    jobs.check_key(job.done, job.key)  # it is begun
    assert jobs.key_of(1, 'a') == job.key != jobs.key_of(1, 'b')
    with pytest.raises(InputError, match=f'with other settings.*delete {tmp_path}'):
        jobs.do_all([job._replace(key=jobs.key_of(2, 'a'))], 1, 'jobs')


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


def test_looks_of_a_model(root):
    """Before training, nobody looks where something moves; every block and direction is there."""
    config = small_config(root, None)
    for cfg in rows.experts_of(config.model).values():
        cfg.depth = 2
    found = looks.looks(config, None, root, 0)
    assert {name: len(values) for name, values in found.items()} == {
        'S2T, moving': 2, 'S2T, resting': 2, 'T2S, moving': 1}
    assert all(0.5 < value < 2 for values in found.values() for value in values)


def test_an_unknown_row_is_named():
    command = [sys.executable, ROOT / 'tools/mini_study.py', 'ful']
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode and 'there is no row ful; there are independent, late-add' in result.stderr
    for option, message in ((['--seeds', '0'], '--seeds 0: must be from 1 to 50'),
                            (['--jobs', '0'], '--jobs 0: must be from'),
                            (['--report', '--data', 'nowhere'], 'run tools/mini_study.py --level plain')):
        result = subprocess.run([*command[:2], *option], capture_output=True, text=True)
        assert result.returncode and message in result.stderr and 'Traceback' not in result.stderr
