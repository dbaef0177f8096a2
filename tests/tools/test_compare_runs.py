"""Pictures and tables of several test runs: balance, gains in F1, confusion."""
import csv
import pickle

import matplotlib.pyplot as plt
import numpy as np
import pytest
import sklearn.metrics
import torch
from conftest import load_tool

from projects.cast.utils import InputError

TOOL = load_tool('analysis/compare_runs.py')
VERBS = ['put', 'take', 'cut']


def one_hot(index, classes):
    return torch.eye(classes)[index] * 0.6 + 0.1


def write(path, verbs, nouns, predicted_verbs, predicted_nouns, **more):
    samples = [dict(pred_score=dict(noun=one_hot(pn, 4), verb=one_hot(pv, 3)), gt_label=dict(verb=v, noun=n),
                    narration_id=str(i), **more)
               for i, (v, n, pv, pn) in enumerate(zip(verbs, nouns, predicted_verbs, predicted_nouns))]
    path.write_bytes(pickle.dumps(samples))
    return f'{path.stem}={path}'


@pytest.fixture
def runs(tmp_path):
    """Verbs 0 0 1 1 1 2 and nouns 0 1 1 0 0 1; nouns 2 and 3 do not occur."""
    verbs, nouns = [0, 0, 1, 1, 1, 2], [0, 1, 1, 0, 0, 1]
    return (write(tmp_path / 'a.pkl', verbs, nouns, [0, 1, 1, 1, 0, 0], [0, 1, 2, 0, 3, 1]),
            write(tmp_path / 'b.pkl', verbs, nouns, [0, 0, 1, 1, 0, 2], [0, 1, 1, 0, 0, 0]))


@pytest.fixture
def classes(tmp_path):
    paths = []
    for task, rows in (('verb', [(2, 'cut', 'change'), (0, 'put', 'move'), (1, 'take', 'move')]),
                       ('noun', [(i, name, 'food') for i, name in enumerate('abcd')])):
        path = tmp_path / f'{task}.csv'
        with path.open('w', newline='') as file:
            csv.writer(file).writerows([['id', 'key', 'instances', 'category'],
                                        *([i, name, '[]', group] for i, name, group in rows)])
        paths.append(str(path))
    return paths


def call(monkeypatch, *arguments):
    monkeypatch.setattr('sys.argv', ['compare_runs.py', *map(str, arguments)])
    TOOL.main()


def test_table_by_hand(runs, classes, tmp_path, monkeypatch, capsys):
    out = tmp_path / 'out'
    call(monkeypatch, *runs, '--classes', *classes, '--out', out)
    with (out / 'classes.csv').open() as file:
        rows = {row['class']: row for row in csv.DictReader(file)}
    assert list(rows) == ['put', 'take', 'cut', 'a', 'b'] and rows['cut']['category'] == 'change'
    # run a says put 3 times, once rightly, for 2 samples; take 3 times, twice rightly, for 3; cut never
    expected = {'put': (100 / 3, 50, 40), 'take': (200 / 3, 200 / 3, 200 / 3), 'cut': (0, 0, 0)}
    for name, values in expected.items():
        found = [float(rows[name][f'{measure} a']) for measure in TOOL.MEASURES]
        assert found == pytest.approx(values, abs=0.01)
    assert rows['take']['samples'] == '3' and float(rows['cut']['F1 b']) == 100
    output = capsys.readouterr().out
    assert 'a: verb 50.0, noun 66.7, harmonic mean 57.1' in output and 'b: verb 83.3, noun 83.3' in output
    assert sorted(path.name for path in out.glob('*.png')) == [
        'balance.png', 'categories_verb_a.png', 'confusion_noun_a.png', 'confusion_noun_b.png',
        'confusion_verb_a.png', 'confusion_verb_b.png', 'gains_noun_a.png', 'gains_verb_a.png']
    assert all(plt.imread(path).std() > 0.02 for path in out.glob('*.png'))


def test_measures_are_those_of_scikit_learn(tmp_path):
    """On the same dump."""
    rng = np.random.default_rng(0)
    labels = rng.integers(9, size=200)  # of ten classes
    scores = torch.from_numpy(rng.normal(size=(200, 10)) + 2 * np.eye(10)[labels]).float()
    samples = [dict(pred_score=score, gt_label=torch.tensor([label])) for score, label in zip(scores, labels)]
    (tmp_path / 'x.pkl').write_bytes(pickle.dumps(samples))
    task = TOOL.read_run(str(tmp_path / 'x.pkl'))['action']
    predicted = scores.argmax(1).numpy()
    expected = sklearn.metrics.precision_recall_fscore_support(
        labels, predicted, labels=range(10), zero_division=0)
    np.testing.assert_allclose(TOOL.measures(task), 100 * np.array(expected[:3]), atol=1e-4)
    matrix = sklearn.metrics.confusion_matrix(labels, predicted, labels=range(10), normalize='true')
    np.testing.assert_allclose(TOOL.confusion(task), matrix)
    assert task.top1 == pytest.approx(100 * sklearn.metrics.accuracy_score(labels, predicted))


def test_confusion_and_categories_by_hand():
    task = TOOL.Task(np.array([0, 0, 0, 1]), np.eye(3)[[0, 1, 1, 1]])
    np.testing.assert_allclose(TOOL.confusion(task), [[1 / 3, 2 / 3, 0], [0, 1, 0], [0, 0, 0]])
    gain = TOOL.by_category(np.array([10., 20., 5.]), np.array([3, 1, 0]), ['x', 'x', 'y'])
    assert gain == {'x': 12.5}  # weighted by the samples; y has none


def test_one_label_and_broken_videos(tmp_path):
    samples = [dict(pred_score=one_hot(label, 3), gt_label=torch.tensor([label]), broken=label == 2)
               for label in (0, 1, 2)]
    (tmp_path / 'x.pkl').write_bytes(pickle.dumps(samples))
    run = TOOL.read_run(str(tmp_path / 'x.pkl'))
    assert list(run) == ['action'] and run['action'].top1 == pytest.approx(200 / 3)


@pytest.fixture
def bars(monkeypatch):
    """The module that draws, and the figures that it drew."""
    module, drawn = load_tool('analysis/_bars.py'), []
    monkeypatch.setattr(module.plt, 'close', drawn.append)
    yield module, drawn
    monkeypatch.undo()
    for fig in drawn:
        plt.close(fig)


def assert_inside(fig, artist):
    box = artist.get_window_extent()
    assert 0 <= box.x0 and box.x1 <= fig.bbox.width and 0 <= box.y0 and box.y1 <= fig.bbox.height


def test_300_classes_fit(bars, tmp_path):
    module, drawn = bars
    names = {f'class {i} with a long name': float(i - 100) for i in range(300)}
    module.draw_gains(names, 'gains', tmp_path / 'gains.png')
    height, width, _ = plt.imread(tmp_path / 'gains.png').shape
    assert width < 2600 and height > 60 * 15  # pixels a name
    module.draw_confusion(np.eye(300), list(names), 'confusion', tmp_path / 'confusion.png')
    ax = drawn[1].axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == list(names)
    assert ax.get_window_extent().height / 300 > 9 > ax.get_yticklabels()[0].get_fontsize()  # pixels
    module.draw_confusion(np.eye(401), [str(i) for i in range(1, 402)], 'many', tmp_path / 'many.png')
    assert drawn[2].axes[0].get_yticklabels() == []  # rather than numbers that are not those of the classes


def test_long_names_fit(bars, tmp_path):
    """Bars keep their room beside names as long as Something-Something's; titles are wrapped."""
    module, drawn = bars
    names = [f'Something colliding with something and both are being deflected {i}' for i in range(174)]
    title = f'action: gain in F1 of CAST over {"a late fusion " * 4}, in points; mean +9.8 over the classes'
    module.draw_gains(dict.fromkeys(names, 3.), title, tmp_path / 'long.png')
    assert all(ax.get_window_extent().width > 1.5 * drawn[0].dpi for ax in drawn[0].axes)
    module.draw_gains({'a': 1., 'b': 2.}, title, tmp_path / 'short.png')
    module.draw_confusion(np.eye(2), ['a', 'b'], 'action, late fusion with a hidden layer and adapters',
                          tmp_path / 'confusion.png')
    for fig, text in ((drawn[1], drawn[1]._suptitle), (drawn[2], drawn[2].axes[0].title)):
        assert_inside(fig, text)


def test_names_are_no_formulas(bars, tmp_path):
    module, drawn = bars
    names = [r'pay $\a$', 'b']
    module.draw_gains(dict.fromkeys(names, 1.), f'over {names[0]}', tmp_path / 'gains.png')
    module.draw_confusion(np.eye(2), names, names[0], tmp_path / 'confusion.png')
    module.draw_balance({name: dict(action=50.) for name in names}, tmp_path / 'balance.png')
    assert len(drawn) == 3


@pytest.mark.parametrize('columns', (['action'], ['verb', 'noun', 'harmonic mean']))
@pytest.mark.parametrize('runs', (['CLIP', 'CAST'], [f'late fusion, hidden layer {i}' for i in range(9)]))
def test_legend_and_numbers_of_the_balance_fit(bars, columns, runs, tmp_path):
    module, drawn = bars
    module.draw_balance({run: dict.fromkeys(columns, 50.) for run in runs}, tmp_path / 'balance.png')
    fig, = drawn
    assert_inside(fig, fig.legends[0])
    assert [text.get_text() for text in fig.legends[0].get_texts()] == runs
    boxes = sorted((text.get_window_extent() for text in fig.axes[0].texts), key=lambda box: box.x0)
    assert all(one.x1 <= other.x0 for one, other in zip(boxes, boxes[1:]))
    assert fig.axes[0].get_window_extent().height > 2 * fig.dpi


def test_label_maps_without_categories(runs, classes, tmp_path, monkeypatch):
    """Names a line, as those of Something-Something, and a CSV file without super-categories."""
    verbs, nouns = tmp_path / 'verbs.txt', tmp_path / 'nouns.csv'
    verbs.write_text('put\ntake\ncut\n')
    nouns.write_text('id,key\n3,d\n0,a\n1,b\n2,c\n')
    call(monkeypatch, *runs, '--classes', verbs, nouns, '--out', tmp_path / 'out')
    with (tmp_path / 'out/classes.csv').open() as file:
        rows = [(row['class'], row['category']) for row in csv.DictReader(file)]
    assert rows == [(name, '') for name in ('put', 'take', 'cut', 'a', 'b')]
    assert not list((tmp_path / 'out').glob('categories*'))
    samples = [dict(pred_score=one_hot(i, 174), gt_label=torch.tensor([i])) for i in range(3)]
    for name in 'ab':
        (tmp_path / f'{name}.pkl').write_bytes(pickle.dumps(samples))
    call(monkeypatch, *runs, '--classes', 'ssv2', '--out', tmp_path / 'shipped')
    assert 'Approaching something with your camera' in (tmp_path / 'shipped/classes.csv').read_text()


def test_says_what_is_wrong(runs, classes, tmp_path, monkeypatch):
    (tmp_path / 'bad.csv').write_text('id,key,category\nzero,put,move\n')
    (tmp_path / 'twice.csv').write_text('id,key,category\n0,put,move\n1,take,move\n1,cut,change\n')
    cases = [
        (runs[:1], 'give two or more runs, each as NAME=FILE.pkl'),
        ((runs[0], runs[0]), 'give each run a name of its own'),
        ((runs[0], f'x/{runs[1]}'), 'without a slash'),
        ((runs[0], write(tmp_path / 'c.pkl', [0], [1], [0], [1])), 'c and a are not on the same samples'),
        ((runs[0], write(tmp_path / 'd.pkl', [-1], [1], [0], [1])), 'd.pkl: has 1 samples without labels'),
        ((runs[0], write(tmp_path / 'e.pkl', [0, 0, 1, 1, 2, 1], [0, 1, 1, 0, 0, 1], [0] * 6, [0] * 6)),
         'e and a are not on the same samples: 2 of 6 have different labels for verb'),
        ((runs[0], write(tmp_path / 'f.pkl', [3], [1], [0], [1])),
         'f.pkl: has the label 3 for verb, but only scores of classes 0 to 2'),
        ((runs[0], write(tmp_path / 'g.pkl', [torch.eye(3)[1]], [1], [0], [1])),
         'a sample has 3 numbers as its label for verb'),
        ((*runs, '--classes', classes[0]), '--classes has 1 label maps for the tasks verb, noun'),
        ((*runs, '--classes', tmp_path / 'bad.csv', classes[1]), 'bad.csv: needs the columns id .a number.'),
        ((*runs, '--classes', tmp_path / 'twice.csv', classes[1]), 'twice.csv: must have exactly one name'),
        ((*runs, '--classes', tmp_path / 'a.pkl', classes[1]), 'a.pkl: byte 0 is no text'),
        ((*runs, '--classes', classes[1], classes[0]), 'noun.csv: has 4 classes, the scores of verb have 3')]
    for arguments, message in cases:
        with pytest.raises(InputError, match=message):
            call(monkeypatch, *arguments, '--out', tmp_path / 'out')
    (tmp_path / 'h.pkl').write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(InputError, match='h.pkl: has no scores with labels'):
        TOOL.read_run(str(tmp_path / 'h.pkl'))
