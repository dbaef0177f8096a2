"""Exports for the EPIC-KITCHENS-100 challenge, its report, and the balanced score."""
import csv
import json
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from conftest import load_tool, run

from projects.cast.evaluation import VerbNounMetric
from projects.cast.utils import InputError

EPIC = load_tool('analysis/epic_results.py')
BALANCED = load_tool('analysis/balanced_score.py')


@pytest.fixture
def dump(tmp_path):
    """A test run of 400 segments whose scores lean towards the right classes."""
    rng = np.random.default_rng(0)
    samples = []
    for i in range(400):
        label = [int(rng.integers(97)), int(rng.integers(300))]
        scores = {}
        for task, n, right in (('verb', 97, label[0]), ('noun', 300, label[1])):
            logits = rng.normal(size=n)
            logits[right] += 2.5
            scores[task] = torch.tensor(logits).float().softmax(0)
        samples.append(dict(pred_score=scores, gt_label=torch.tensor(label),
                            narration_id=f'P{i % 37 + 1:02d}_01_{i}'))
    path = tmp_path / 'scores.pkl'
    path.write_bytes(pickle.dumps(samples))
    return path, samples


def official(path, labels, unseen, tail_verbs, tail_nouns):
    """The challenge's definitions, applied to what its evaluator reads."""
    results = pickle.loads(path.read_bytes())
    assert {k: v.shape for k, v in results.items()} == dict(
        verb_output=(400, 97), noun_output=(400, 300), narration_id=(400, ))
    p = {}
    for task in ('verb', 'noun'):
        e = np.exp(results[f'{task}_output'] - results[f'{task}_output'].max(1, keepdims=True))
        p[task] = e / e.sum(1, keepdims=True)
    p['action'] = (p['verb'][:, :, None] * p['noun'][:, None]).reshape(400, -1)
    truth = dict(verb=labels[:, 0], noun=labels[:, 1], action=labels[:, 0] * 300 + labels[:, 1])
    hits = {(t, k): np.array([y in row for y, row in zip(truth[t], np.argsort(-p[t], 1)[:, :k])])
            for t in p for k in (1, 5)}
    metrics = {f'acc/{t}_top{k}': 100 * h.mean() for (t, k), h in hits.items()}
    is_unseen = np.array([n.split('_')[0] in unseen for n in results['narration_id']])
    tail = dict(verb=np.isin(labels[:, 0], tail_verbs), noun=np.isin(labels[:, 1], tail_nouns))
    tail['action'] = tail['verb'] | tail['noun']
    for t in p:
        metrics[f'acc/unseen_{t}_top1'] = 100 * hits[t, 1][is_unseen].mean()
        metrics[f'acc/tail_{t}_top1'] = 100 * hits[t, 1][tail[t]].mean()
    return metrics


def test_the_evaluator_gets_our_numbers_to_the_last_digit(dump, tmp_path):
    path, samples = dump
    unseen, verbs, nouns = ['P18', 'P32'], list(range(40, 97)), list(range(100, 300))
    files = {}
    for key, values in (('unseen_participants', unseen), ('tail_verbs', verbs), ('tail_nouns', nouns)):
        files[key] = str(tmp_path / key)
        (tmp_path / key).write_text('\n'.join(['head', *map(str, values)]))
    metric = VerbNounMetric(**files)
    samples[7]['broken'] = samples[9]['broken'] = True
    path.write_bytes(pickle.dumps(samples))
    metric.process(None, samples)
    ours = metric.evaluate(400)
    assert ours.pop('acc/broken') == 2

    EPIC.write_evaluator(EPIC.read_scores(path), tmp_path / 'results.pkl')
    labels = np.stack([s['gt_label'].numpy() for s in samples])
    theirs = official(tmp_path / 'results.pkl', labels, unseen, verbs, nouns)
    assert ours == theirs and 0 < theirs['acc/action_top1'] < theirs['acc/verb_top1'] < 100


def test_submission(dump, tmp_path):
    path, samples = dump
    EPIC.write_submission(EPIC.read_scores(path), tmp_path / 'submission.zip', [2, 3, 4])
    with zipfile.ZipFile(tmp_path / 'submission.zip') as archive:
        assert archive.namelist() == ['test.json']
        content = json.loads(archive.read('test.json'))
    results = content.pop('results')
    assert content == dict(version='0.2', challenge='action_recognition', sls_pt=2, sls_tl=3, sls_td=4)
    assert len(results) == 400
    entry = results[samples[5]['narration_id']]
    assert list(entry) == ['verb', 'noun'] and list(entry['verb']) == [str(i) for i in range(97)]
    noun = torch.tensor(list(entry['noun'].values())).softmax(0)
    torch.testing.assert_close(noun, samples[5]['pred_score']['noun'])


def test_report_by_hand(tmp_path):
    names = [('cut', 'split'), ('peel', 'split'), ('wash', 'clean')]
    files = [tmp_path / 'verbs.csv', tmp_path / 'nouns.csv']
    for file in files:
        file.write_text('id,key,instances,category\n' + ''.join(
            f'{i},{key},[],{category}\n' for i, (key, category) in enumerate(names)))
    samples = [dict(pred_score={t: torch.eye(3)[p] for t in ('verb', 'noun')}, gt_label=torch.tensor([y, y]),
                    narration_id='P01_01_0') for p, y in ((0, 0), (1, 0), (2, 0), (2, 2))]
    (tmp_path / 'scores.pkl').write_bytes(pickle.dumps(samples))
    run('tools/analysis/epic_results.py', tmp_path / 'scores.pkl', '--report', tmp_path / 'report.csv',
        '--classes', *files)
    rows = {(r['level'], r['name']): (r['segments'], float(r['accuracy']), float(r['f1']))
            for r in csv.DictReader((tmp_path / 'report.csv').open())}
    expected = {'cut': ('3', 33.33, 50.), 'wash': ('1', 100., 66.67)}  # F1: 2 p r / (p + r), p 1 and 1/2
    categories = {'split': ('3', 66.67, 80.), 'clean': ('1', 100., 66.67)}
    assert rows == {(task + level, name): row for task in ('verb', 'noun')
                    for level, part in (('', expected), (' category', categories))
                    for name, row in part.items()}


def test_report_needs_super_categories(tmp_path):
    results = dict(labels=np.zeros((1, 2), int), verb_output=np.zeros((1, 2)), noun_output=np.zeros((1, 2)))
    (tmp_path / 'verbs.csv').write_text('id,key\n0,put\n1,take\n')
    for file, message in ((tmp_path / 'verbs.csv', 'verbs.csv: has no super-categories; give EPIC_100_verb'),
                          ('ek100_verb', 'ek100_verb has 97 classes, the scores have 2')):
        with pytest.raises(InputError, match=message):
            EPIC.report(results, dict(verb=str(file), noun=str(file)))


def test_scores_of_another_kind(tmp_path):
    (tmp_path / 'scores.pkl').write_bytes(pickle.dumps([dict(pred_score=torch.ones(3))]))
    with pytest.raises(InputError, match='scores.pkl: no verb and noun scores with narration ids'):
        EPIC.read_scores(tmp_path / 'scores.pkl')


def test_balanced_score(tmp_path):
    paper = {name: BALANCED.with_means(dict(zip(BALANCED.COLUMNS, values)))
             for name, values in BALANCED.PAPER.items()}
    printed = dict(CLIP=56.5, VideoMAE=66.6, AIM=66.7, OMNIVORE=70.8, CAST=71.6, BEVT=None)  # table 2
    for name, value in printed.items():
        own = paper[name]['all']
        assert own == value if value is None else round(own, 1) == value
    assert round(paper['CAST']['ssv2+k400'], 1) == 77.9

    files = dict(ek100={'acc/verb_top1': 50., 'acc/noun_top1': 25.}, ssv2={'acc/top1': 50.},
                 k400={'acc/top1': 100.})
    arguments = []
    for name, metrics in files.items():
        (tmp_path / f'{name}.json').write_text(json.dumps(metrics))
        arguments += [f'--{name}', str(tmp_path / f'{name}.json')]
    output = run('tools/analysis/balanced_score.py', *arguments)
    assert '| this run | 50.0 | 25.0 | 50.0 | 100.0 | 66.7 | 44.4 |' in output
    with pytest.raises(InputError, match='ssv2.json: no acc/verb_top1, acc/noun_top1; it has acc/top1'):
        BALANCED.read(str(tmp_path / 'ssv2.json'), dict(verb='acc/verb_top1', noun='acc/noun_top1'))


def test_ablation_table(tmp_path):
    """The newest metrics of a run, the mean over seeds, the paper's numbers from the headers."""
    def write(folder, time, **metrics):
        path = tmp_path / folder / time / f'{time}.json'
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({k if k == 'lr' else f'acc/{k}': v for k, v in metrics.items()}))
        os.utime(path, (int(time), int(time)))

    write('table1g_s2t-only', '1', verb_top1=1., noun_top1=1., action_top1=1.)
    write('table1g_s2t-only', '2', verb_top1=72.2, noun_top1=55., action_top1=43.)
    for seed, value in ((0, 40.), (1, 50.)):
        write(f'table1d_ratio-1-8_seed{seed}', '1', verb_top1=value, noun_top1=value, action_top1=value)
    write('single_clip_ssv2', '1', top1=50., top5=90.)
    write('table1d_ratio-1', '1', lr=1.)
    output = run('tools/analysis/ablation_table.py', tmp_path, '--csv', tmp_path / 'table.csv')
    tables = {part.splitlines()[0]: part for part in output.split('### Table ')[1:]}
    assert list(tables) == ['1 (a)', '1 (b)', '1 (c)', '1 (d)', '1 (e)', '1 (f)', '1 (g)', '1 (h)', '2', '5',
                            '6', '7', '8', '9', '10', '11']
    s2t = '| S2T only (ek100) | 71.2 | 72.2 | +1.0 | 55.0 | 55.0 | +0.0 | 43.7 | 43.0 | -0.7 |'
    assert s2t in tables['1 (g)']
    assert '| projection ratio 1/8 (ek100) | 70.7 | 45.0 | -25.7 |' in tables['1 (d)']
    assert '| projection ratio 1 (ek100) | 72.1 |  |  | 59.8 |' in tables['1 (d)']
    alone = '| CLIP alone, 8 frames, fully fine-tuned (ssv2) |' + '  |' * 9 + ' 47.8 | 50.0 | +2.2 |'
    assert alone in tables['2']
    for name in ('1 (a)', '1 (g)'):  # a row of two tables; and the full model ends each
        assert '| independent experts with adapters (ek100) | 68.1 |' in tables[name]
        assert tables[name].strip().splitlines()[-1].startswith('| CAST (ek100) | 72.5 |')
    for name, dataset, other in (('10', 'ssv2', 'k400'), ('11', 'k400', 'ssv2')):
        assert f'| CAST ({dataset}) |' in tables[name] and other not in tables[name]
    rows = list(csv.reader((tmp_path / 'table.csv').open()))
    assert ['1 (g)', 'S2T only', 'ek100', 'verb', '71.2', '72.2', '+1.0'] in rows
