"""Predictions through inferencers, ours and MMAction2's, on video files and arrays."""
import json

import numpy as np
import pytest
import torch
from conftest import MINI
from decord import VideoReader
from mmengine import Config
from test_configs import MAIN, shrink

from mmaction.apis.inferencers import ActionRecogInferencer
from mmaction.registry import INFERENCERS
from projects.cast.apis import CASTInferencer
from projects.cast.utils import InputError


@pytest.fixture
def opened(monkeypatch):
    """The files that decord has opened."""
    files, init = [], VideoReader.__init__

    def count(self, uri, *args, **kwargs):
        files.append(uri)
        init(self, uri, *args, **kwargs)

    monkeypatch.setattr(VideoReader, '__init__', count)
    return files


@pytest.fixture
def videos(mini_root):
    """Two files, and their frames."""
    files = [str(mini_root / f'P01/videos/P01_0{i}.mp4') for i in (1, 2)]
    return files, [VideoReader(file)[:].asnumpy() for file in files]


def mini(root):
    """The mini config and the label maps of its data."""
    names = {task: str(root / f'EPIC_100_{task}_classes.csv') for task in ('verb', 'noun')}
    return Config(dict(Config.fromfile(MINI), label_map=names))


def one_label():
    """A small model with Kinetics' pipeline, at one view."""
    cfg = Config.fromfile(next(path for path in MAIN if 'k400' in path.name))
    cfg.model = shrink(cfg.model, 24, 2, 2)
    for transform in cfg.test_dataloader.dataset.pipeline:
        transform.update({key: 1 for key in ('num_clips', 'num_crops') if key in transform})
    return cfg


def test_M5_verb_noun_and_action_of_files_and_arrays(mini_root, videos, opened, tmp_path):
    files, arrays = videos
    opened.clear()
    torch.manual_seed(0)
    infer = INFERENCERS.build(dict(type='CASTInferencer', model=mini(mini_root), device='cpu', topk=3))
    result = infer(files[0], pred_out_file=str(tmp_path / 'out.json'))['predictions']
    assert opened == files[:1]
    (ranking, ) = result
    assert list(ranking) == ['verb', 'noun', 'action'] and all(len(best) == 3 for best in ranking.values())
    (verb, p_verb), (noun, p_noun) = ranking['verb'][0], ranking['noun'][0]
    assert verb in ('slide-left', 'slide-right', 'lift', 'lower', 'shake', 'stir')
    assert ranking['action'][0] == (f'{verb} {noun}', pytest.approx(p_verb * p_noun, rel=1e-5))
    assert json.loads((tmp_path / 'out.json').read_text())['predictions'][0]['verb'][0][0] == verb

    listed = infer(files, batch_size=1)['predictions']
    assert listed[0] == ranking and opened == files[:1] + files
    assert infer(arrays[0])['predictions'] == result and infer(arrays)['predictions'] == listed
    assert infer([files[0], arrays[1]])['predictions'] == listed
    assert infer(files, return_datasamples=True)['predictions'][0].pred_score['verb'].shape == (6, )


def test_M5_one_label(videos):
    infer = CASTInferencer(one_label(), device='cpu')
    files, arrays = videos
    (ranking, ) = infer(files[0])['predictions']
    assert list(ranking) == ['action'] and len(ranking['action']) == 5
    assert infer(arrays[0])['predictions'] == [ranking]
    with pytest.raises(InputError, match='label map for action has 174 names, but the model has 400 classes'):
        CASTInferencer(one_label(), device='cpu', label_map=['ssv2'])(arrays[0])


@pytest.mark.parametrize('input_format', ['video', 'array'])
def test_M5_inferencer_of_the_host(videos, opened, input_format):
    """With one label; verb and noun it does not know."""
    opened.clear()
    files, arrays = videos
    cfg = one_label()
    infer = ActionRecogInferencer(cfg, device='cpu', input_format=input_format)
    (result, ) = infer(files[0] if input_format == 'video' else arrays[0])['predictions']
    assert len(result['pred_scores']) == 400 and len(opened) == (input_format == 'video')


@pytest.mark.parametrize('array', [
    np.zeros((3, 8, 64, 64), np.uint8), np.zeros((8, 64, 64, 3)), np.zeros((0, 64, 64, 3), np.uint8)])
def test_M5_arrays_that_are_no_frames(mini_root, array):
    with pytest.raises(InputError, match=r'must be \(frames, height, width, 3\) in uint8, got \('):
        CASTInferencer(mini(mini_root), device='cpu')(array)
