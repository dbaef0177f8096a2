"""Fusing the scores of several models."""
import pickle

import pytest
import torch
from conftest import load_tool

from projects.cast.utils import InputError

TOOL = load_tool('analysis/fuse_results.py')


def write(path, *scores, label=1, **more):
    """A file of samples whose scores are these lists, of one label or by task."""
    samples = []
    for i, score in enumerate(scores):
        tasks = isinstance(score, dict)
        samples.append(dict(
            filename=f'{i}.mp4', gt_label={task: label for task in score} if tasks else torch.tensor([label]),
            pred_score={task: torch.tensor(s) for task, s in score.items()} if tasks else torch.tensor(score),
            pred_label=0, **more))
    path.write_bytes(pickle.dumps(samples))
    return str(path)


def fuse(monkeypatch, out, *arguments):
    monkeypatch.setattr('sys.argv', ['fuse_results.py', *map(str, arguments), '--out', str(out)])
    TOOL.main()
    return pickle.loads(out.read_bytes())


def test_weighted_mean_by_hand(tmp_path, monkeypatch):
    a = write(tmp_path / 'a.pkl', [0.2, 0.8], [1., 0.])
    b = write(tmp_path / 'b.pkl', [0.8, 0.2], [0., 1.])
    out = tmp_path / 'out.pkl'
    first, second = fuse(monkeypatch, out, a, b)
    torch.testing.assert_close(first['pred_score'], torch.tensor([0.5, 0.5]))
    assert 'pred_label' not in first and first['filename'] == '0.mp4'
    first, second = fuse(monkeypatch, out, a, b, '--weights', 3, 1)
    torch.testing.assert_close(first['pred_score'], torch.tensor([0.35, 0.65]))
    torch.testing.assert_close(second['pred_score'], torch.tensor([0.75, 0.25]))


def test_tasks_are_fused_one_by_one(tmp_path, monkeypatch):
    a = write(tmp_path / 'a.pkl', dict(verb=[1., 0.], noun=[0., 1., 0.]))
    b = write(tmp_path / 'b.pkl', dict(noun=[0., 0., 1.], verb=[0., 1.]))
    sample, = fuse(monkeypatch, tmp_path / 'out.pkl', a, b)
    torch.testing.assert_close(sample['pred_score']['verb'], torch.tensor([0.5, 0.5]))
    torch.testing.assert_close(sample['pred_score']['noun'], torch.tensor([0., 0.5, 0.5]))


def test_other_test_sets_are_refused(tmp_path, monkeypatch):
    a = write(tmp_path / 'a.pkl', [0.2, 0.8], [1., 0.])
    out = tmp_path / 'out.pkl'
    for name, other, message in (
            ('short', dict(scores=[[1., 0.]]), r'the files have \[2, 1\] samples'),
            ('labels', dict(scores=[[1., 0.]] * 2, label=0), 'labels.pkl: sample 0 is'),
            ('classes', dict(scores=[[1., 0., 0.]] * 2), 'classes.pkl: sample 0 is'),
            ('narration', dict(scores=[[1., 0.]] * 2, narration_id='x'), 'narration.pkl: sample 0 is')):
        b = write(tmp_path / f'{name}.pkl', *other.pop('scores'), **other)
        with pytest.raises(InputError, match=message):
            fuse(monkeypatch, out, a, b)
    for weights in ((1, ), (1, -1), (0, 0)):
        with pytest.raises(InputError, match='--weights'):
            fuse(monkeypatch, out, a, a, '--weights', *weights)
    assert not out.exists()
