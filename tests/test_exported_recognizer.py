"""Exported models take the place of checkpoints in the tools that only predict."""
import copy

import numpy as np
import pytest
import torch
from conftest import MINI, mini_options, randomised, run
from mmengine.dataset import Compose, pseudo_collate

from projects.cast.apis import Timeline
from projects.cast.apis.inferencer import sample
from projects.cast.export import Scorer, at_size, describe, open_recognizer, pipeline_at, write
from projects.cast.utils import InputError


def names(root):
    """The files of class names."""
    return [str(root / f'EPIC_100_{task}_classes.csv') for task in ('verb', 'noun')]


@pytest.fixture(scope='module')
def files(config, model, mini_root, tmp_path_factory):
    """The same model as a checkpoint and as an ONNX file."""
    folder = tmp_path_factory.mktemp('files')
    torch.save(dict(state_dict=model.state_dict()), folder / 'model.pth')
    scorer = Scorer(model)
    metadata = describe(model, scorer, config, config.test_dataloader.dataset.pipeline,
                        label_map=names(mini_root))
    write(scorer, str(folder / 'model.onnx'), metadata)
    return folder


def test_batches_of_videos_and_of_windows(config, model, files, mini_root):
    exported = open_recognizer(config, str(files / 'model.onnx'), 'cpu')
    videos = [str(mini_root / f'P01/videos/P01_0{i}.mp4') for i in (1, 2)]
    pipeline = Compose(config.test_dataloader.dataset.pipeline)

    def predict(recognizer):
        return recognizer.test_step(pseudo_collate([pipeline(sample(video)) for video in videos]))
    with torch.no_grad():
        expected, found = predict(model), predict(exported)
    for a, b in zip(expected, found):
        for task in ('verb', 'noun'):
            torch.testing.assert_close(b.pred_score[task], a.pred_score[task], atol=1e-4, rtol=0)
    assert not torch.equal(found[0].pred_score['verb'], found[1].pred_score['verb'])
    windows = [[scores.scores['noun'] for scores in Timeline(m, config, 1., 0.5)(videos[0])]
               for m in (model, exported)]
    assert len(windows[1]) == len(windows[0]) > 2
    torch.testing.assert_close(windows[1], windows[0], atol=1e-4, rtol=0)


def test_other_clips_than_it_was_exported_for(config, files):
    other = copy.deepcopy(config)
    for transform in other.test_dataloader.dataset.pipeline:
        if transform['type'] == 'UniformClips':
            transform['num_clips'] = 3
    with pytest.raises(InputError, match='for sampling .*2.*, but that of .* is .*3'):
        open_recognizer(other, str(files / 'model.onnx'), 'cpu')


def test_another_size_than_that_of_the_config(config, mini_root, tmp_path):
    """Of --frames and --size, which the pipelines of videos and of windows then have, too."""
    other = copy.deepcopy(config)
    model = randomised(other.model)
    at_size(model, 4, 48)
    scorer = Scorer(model)
    pipeline = pipeline_at(config.test_dataloader.dataset.pipeline, 4, 48)
    write(scorer, str(tmp_path / 'a.onnx'), describe(model, scorer, config, pipeline,
                                                     label_map=names(mini_root)))
    exported = open_recognizer(other, str(tmp_path / 'a.onnx'), 'cpu')
    video = str(mini_root / 'P01/videos/P01_01.mp4')
    clip = Compose(other.test_dataloader.dataset.pipeline)(sample(video))
    assert clip['inputs'].shape == (2, 3, 4, 48, 48)
    with torch.no_grad():
        found, expected = (m.test_step(pseudo_collate([copy.deepcopy(clip)]))[0] for m in (exported, model))
    torch.testing.assert_close(found.pred_score['verb'], expected.pred_score['verb'], atol=1e-4, rtol=0)
    assert len([*Timeline(exported, other, 1., 0.5)(video)]) > 2


def test_the_timeline_of_an_exported_model(files, mini_root, tmp_path):
    found = []
    for name in ('model.pth', 'model.onnx'):
        given = ['--label-map', *names(mini_root)] if name == 'model.pth' else []  # the other brings its own
        run('tools/timeline.py', mini_root / 'P01/videos/P01_01.mp4', MINI, files / name, '--out',
            tmp_path / name, *given, '--cfg-options', *mini_options(mini_root))
        table, = tmp_path.glob(f'{name}/**/windows.csv')
        rows = [line.split(',') for line in table.read_text().splitlines()]
        found.append(rows)
    assert found[0][0] == found[1][0] and len(found[0]) == len(found[1]) > 2
    for a, b in zip(found[0][1:], found[1][1:]):
        for x, y in zip(a, b):
            try:
                np.testing.assert_allclose(float(y), float(x), atol=2e-4)
            except ValueError:  # names
                assert x == y
