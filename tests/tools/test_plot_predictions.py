"""The picture of clips with labels, from real video files."""
import pickle
import sys

import cv2
import numpy as np
import pytest
import torch
from conftest import MINI, load_tool, mini_dict, mini_options, run

from mmaction.registry import DATASETS
from projects.cast.apis import read_names
from projects.cast.engine import read_config
from projects.cast.utils import InputError

TOOL = load_tool('analysis/plot_predictions.py')
PICTURE = sys.modules['_clips_picture']


@pytest.fixture(scope='module')
def config(mini_root):
    names = {f'label_map.{task}': mini_root / f'EPIC_100_{task}_classes.csv' for task in ('verb', 'noun')}
    return mini_dict(mini_root, **names)


@pytest.fixture(scope='module')
def samples(config):
    dataset = DATASETS.build(read_config(str(MINI), config).test_dataloader.dataset)
    return [dataset.get_data_info(i) for i in range(len(dataset))]


@pytest.fixture
def results(samples):
    """A test run whose nouns are all right, and whose verbs are right except for the second one."""
    results = []
    for i, sample in enumerate(samples):
        scores = {task: torch.full((6, ), 0.08) for task in ('noun', 'verb')}  # in the other order on purpose
        scores['verb'][(sample['label'][0] + (i == 1)) % 6] = 0.6
        scores['noun'][sample['label'][1]] = 0.6
        results.append(dict(pred_score=scores, gt_label=torch.tensor(sample['label']),
                            filename=sample['filename'], narration_id=sample['narration_id']))
    return results


def dump(results, path):
    path.write_bytes(pickle.dumps(results))
    return str(path)


def test_the_picture(mini_root, config, results, tmp_path):
    above = np.full((50, 1100, 3), 255, np.uint8)
    cv2.imwrite(str(tmp_path / 'curves.png'), above)
    output = run('tools/analysis/plot_predictions.py', MINI, dump(results, tmp_path / 'r.pkl'), '--out',
                 tmp_path / 'p.png', '--join', tmp_path / 'curves.png', tmp_path / 'both.png',
                 '--cfg-options', *mini_options(mini_root, **config))
    assert '4 clips' in output and 'clips ━' in output
    picture, both = (cv2.imread(str(tmp_path / name)) for name in ('p.png', 'both.png'))
    assert picture.shape[1] == 1100 and picture.std() > 20
    assert both.shape == (picture.shape[0] + 50, 1100, 3)
    assert np.abs(both[50:].astype(int) - picture).mean() < 3


def test_several_models(mini_root, config, results, tmp_path):
    """A line for each; the last one, which is right on three clips of four, decides which are right."""
    wrong = [{**result, 'pred_score': {task: -score for task, score in result['pred_score'].items()}}
             for result in results]
    for name, run_of in (('CLIP', wrong), ('CAST', results)):
        dump(run_of, tmp_path / f'{name}.pkl')
    both, heights = [f'{name}={tmp_path}/{name}.pkl' for name in ('CLIP', 'CAST')], []
    for files in (both, both[1:]):
        output = run('tools/analysis/plot_predictions.py', MINI, *files, '--out', tmp_path / 'p.png',
                     '--cfg-options', *mini_options(mini_root, **config))
        assert output.count('; CAST: ') == 4
        heights.append(len(cv2.imread(str(tmp_path / 'p.png'))))
    assert heights[0] == pytest.approx(heights[1] + 2 * 0.2 * 110, abs=2)  # a line in both rows of clips


def clips_of(models, tasks, count=4):
    frames = [np.full((48, 64, 3), 90, np.uint8)] * 4
    wrong = {task: f'{name[::-1]}' for task, name in tasks.items()}
    return [PICTURE.Clip(frames, [0.] * 4, {model: {
        task: PICTURE.Label(name, (name, wrong[task])[(i + n) % 2], 1., (i + n) % 2 == 0)
        for task, name in tasks.items()} for n, model in enumerate(models)}) for i in range(count)]


TASKS = dict(verb='turn-on-and-off', noun='washing-up liquid')


@pytest.mark.parametrize('models, tasks, columns', [
    (['model'], dict(verb='cut', noun='onion'), 3), (['CLIP', 'CAST'], TASKS, 2),
    (['independent experts', 'late fusion', 'CAST'], dict(verb='down-upright', noun='azure'), 2),
    ([f'model with a long name {i}' for i in range(5)], {**TASKS, 'tool': 'chopping board'}, 1),
    ([f'model {i}' for i in range(10)], dict(action='Pretending to put something $underneath$ it'), 2),
    (['m' * 60, 'n' * 60], dict(verb='v' * 70, noun='noun'), 1)], ids=range(6))
def test_labels_neither_touch_nor_leave_the_picture(models, tasks, columns):
    fig = PICTURE.picture(clips_of(models, tasks), 'a title ' * (30 if len(models) == 2 else 3))
    fig.canvas.draw()
    boxes = [(text.get_window_extent(), text.get_text()) for text in fig.texts if text.get_text()]
    boxes += [(ax.get_window_extent(), 'frames') for ax in fig.axes]
    for i, (box, text) in enumerate(boxes):
        assert 0 <= box.x0 and box.x1 <= fig.bbox.width and 0 <= box.y0 and box.y1 <= fig.bbox.height, text
        for other, beside in boxes[:i]:
            assert (box.x0 >= other.x1 or box.x1 <= other.x0 or box.y0 >= other.y1
                    or box.y1 <= other.y0), (text, beside)
    assert len({round(ax.get_position().x0, 3) for ax in fig.axes}) == columns
    cut = [text.get_text() for text in fig.texts if '…' in text.get_text()][1 if len(models) == 2 else 0:]
    assert bool(cut) == (len(models[0]) == 60) and all('100 %' in text or len(text) > 30 for text in cut)
    PICTURE.plt.close(fig)


def test_names_of_models():
    assert TOOL.named(['a.pkl']) == dict(model='a.pkl')
    assert TOOL.named(['CAST=a=b.pkl', 'CLIP=c.pkl']) == dict(CAST='a=b.pkl', CLIP='c.pkl')
    for arguments in (['a.pkl', 'CLIP=c.pkl'], ['CLIP=a.pkl', 'CLIP=c.pkl']):
        with pytest.raises(InputError, match='give each of several runs a name of its own'):
            TOOL.named(arguments)


def test_names_verdicts_and_times(config, samples, results):
    names = read_names(read_config(str(MINI), config))
    assert [TOOL.is_right(result) for result in results] == [True, False, True, True]
    for i, (sample, result) in enumerate(zip(samples, results)):
        clip = TOOL.read_clip(sample, dict(model=result), names)
        verb, noun = sample['label']
        assert clip.labels['noun'] == (names['noun'][noun], names['noun'][noun], pytest.approx(0.6), True)
        predicted = names['verb'][(verb + (i == 1)) % 6]
        assert clip.labels['verb'] == (names['verb'][verb], predicted, pytest.approx(0.6), i != 1)
        assert [*clip.labels] == ['verb', 'noun'] and len(clip.frames) == 4
        assert clip.times == sorted(clip.times) and abs(clip.times[0] - sample['start_time']) < 0.05
        assert sample['stop_time'] - 0.15 < clip.times[-1] < sample['stop_time']  # 12 frames a second
        by_name = {**result, 'gt_label': dict(noun=torch.tensor([noun]), verb=torch.tensor([verb]))}
        assert TOOL.read_clip(sample, dict(model=by_name), names).labels == clip.labels


def test_one_label_no_label_and_a_broken_video(samples):
    one = dict(pred_score=torch.tensor([0.1, 0.7, 0.2]), gt_label=torch.tensor([1]))
    names = dict(action=['cut', 'peel', 'wash'])
    assert TOOL.read_clip(samples[0], dict(model=one), names).labels == {
        'action': ('peel', 'peel', pytest.approx(0.7), True)}
    unknown = TOOL.read_clip(
        samples[0], dict(model={**one, 'gt_label': torch.tensor([-1])}), names).labels['action']
    assert (unknown.true, unknown.predicted, unknown.right) == ('?', 'peel', None)
    broken = {**one, 'broken': True}
    clip = TOOL.read_clip({**samples[0], 'filename': 'lost.mp4'}, dict(model=broken), names)
    assert not TOOL.is_right(broken) and clip.labels['action'].right is False and not clip.frames[0].any()


def test_the_rule_picks_right_and_wrong_ones_in_proportion():
    right = np.ones(240, bool)
    right[[5, 100, 200]] = False  # one in eighty still gets a place
    assert TOOL.choose(right, 6) == [24, 72, 100, 120, 167, 216]
    right[:120] = False
    assert [bool(right[i]) for i in TOOL.choose(right, 6)] == [False] * 3 + [True] * 3
    assert TOOL.choose([True] * 4, 6) == TOOL.choose([False] * 4, 6) == [0, 1, 2, 3]


@pytest.mark.parametrize('change, message', [
    (lambda results: results[:3], 'has 3 clips, but the test data set of the config has 4'),
    (lambda results: [results[1], *results[1:]], 'has P51_01_1 where the test data set of the'),
    (lambda results: dict(accuracy=1.), 'holds no predictions with labels; write it with tools/test.py')])
def test_results_of_something_else(samples, results, tmp_path, change, message):
    with pytest.raises(InputError, match=f'r.pkl: {message}'):
        TOOL.read_results(dump(change(results), tmp_path / 'r.pkl'), samples)


def test_runs_with_other_tasks_or_classes(samples, results, tmp_path):
    verbs = [{**result, 'pred_score': result['pred_score']['verb'], 'gt_label': result['gt_label'][:1]}
             for result in results]
    runs = dict(ONE=verbs, CAST=results)
    files = [f'{name}={dump(run_of, tmp_path / name)}' for name, run_of in runs.items()]
    with pytest.raises(InputError, match='ONE has the tasks action, but CAST verb, noun; give'):
        TOOL.read_runs(files, samples)
    assert list(TOOL.read_runs(files[1:], samples)) == ['CAST']
    unlabelled = [{key: value for key, value in result.items() if key != 'gt_label'} for result in results]
    with pytest.raises(InputError, match='r.pkl: holds no predictions with labels'):
        TOOL.read_results(dump(unlabelled, tmp_path / 'r.pkl'), samples)
    few = dict(pred_score=torch.tensor([0.1, 0.9]), gt_label=torch.tensor([2]))
    with pytest.raises(InputError, match='a clip has the label 2 for action, but its 2 classes'):
        TOOL.labels_of(few, {})


def test_another_file(samples, tmp_path):
    (tmp_path / 'r.pkl').write_bytes(b'\x89PNG, but no pickle')
    with pytest.raises(InputError, match='r.pkl: is no file of tools/test.py --dump .*') as error:
        TOOL.read_results(str(tmp_path / 'r.pkl'), samples)
    assert '\n' not in str(error.value)
