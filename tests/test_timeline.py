"""Scores over time are those of the trimmed segments."""
import numpy as np
import pytest
import torch
from mmengine import Config
from mmengine.dataset import Compose, pseudo_collate
from sounds import write_sound

from mmaction.structures import ActionDataSample
from projects.cast.apis import Timeline
from projects.cast.datasets import Frame, MediaStream, Sound
from projects.cast.engine.with_sound import add_sound
from projects.cast.utils import InputError

pytest.importorskip('av')


@pytest.mark.parametrize('views, batch_size', [('val', 1), ('val', 3), ('test', 2)])
def test_windows_score_as_trimmed_segments(model, config, mini_root, views, batch_size):
    video = str(mini_root / 'P01/videos/P01_01.mp4')
    found = list(Timeline(model, config, 1., 0.5, batch_size, views)(video))
    assert [s.start for s in found] == pytest.approx(np.arange(len(found)) / 2) and len(found) > 5
    assert not any(score.requires_grad for scores in found for score in scores.scores.values())
    pipeline = Compose(config[f'{views}_dataloader'].dataset.pipeline)
    for scores in found[:-1]:
        segment = dict(start_time=scores.start, stop_time=scores.stop)
        sample = pipeline(dict(filename=video, label=[0, 0], modality='RGB', **segment))
        expected, = model.test_step(pseudo_collate([sample]))
        for task, score in expected.pred_score.items():
            torch.testing.assert_close(scores.scores[task], score, rtol=1e-5, atol=1e-6)


def test_impossible_windows_are_refused(model, config):
    for arguments in ((0, 1), (1, 0), (1, 1, 0)):
        with pytest.raises(InputError, match='must be positive'):
            Timeline(model, config, *arguments)


def test_windows_hear_what_trimmed_segments_hear(config, tmp_path):
    """And the sound is decoded once, as a whole, however many windows overlap."""
    path, rate = tmp_path / 'video.mkv', 16000
    wave = np.random.default_rng(0).uniform(-0.5, 0.5, 6 * rate)
    write_sound(path, wave, pictures=60)
    config = Config(dict(val_dataloader=dict(dataset=dict(pipeline=add_sound(
        config.val_pipeline, 80, (), {}, 1)))))
    pipeline = Compose(config.val_dataloader.dataset.pipeline)
    inputs = []

    class Listener:
        def test_step(self, batch):
            inputs.extend(zip(*(batch['inputs'][key] for key in ('imgs', 'audio', 'times'))))
            return [ActionDataSample().set_pred_score(torch.ones(2)) for _ in batch['data_samples']]

    found = list(Timeline(Listener(), config, 2., 0.5, 2)(str(path)))
    assert len(inputs) == len(found) > 8 and not any(scores.no_sound for scores in found)
    for scores, window in list(zip(found, inputs))[:8]:
        segment = dict(start_time=scores.start, stop_time=scores.stop)
        trimmed = pipeline(dict(filename=str(path), label=[0, 0], modality='RGB', **segment))['inputs']
        for key, given in zip(('imgs', 'audio', 'times'), window):
            torch.testing.assert_close(given, trimmed[key], rtol=1e-4, atol=1e-3)


def test_frames_and_sound_are_decoded_once_however_windows_overlap(config, tmp_path, monkeypatch):
    path, rate = tmp_path / 'video.mkv', 16000
    write_sound(path, np.random.default_rng(0).uniform(-0.5, 0.5, 6 * rate), pictures=60)
    config = Config(dict(val_dataloader=dict(dataset=dict(pipeline=add_sound(
        config.val_pipeline, 80, (), {}, 1)))))
    monkeypatch.setattr('projects.cast.datasets.spectrogram.SoundFile', None)  # nothing else reads the file
    opened, read = [], []

    class Counting(MediaStream):
        def __init__(self, *args, **kwargs):
            opened.append(args)
            super().__init__(*args, **kwargs)

        def __iter__(self):
            for item in super().__iter__():
                read.append(item)
                yield item

    class Silent:
        def test_step(self, batch):
            return [ActionDataSample().set_pred_score(torch.ones(2)) for _ in batch['data_samples']]

    monkeypatch.setattr('projects.cast.datasets.window_reader.MediaStream', Counting)
    windows = list(Timeline(Silent(), config, 2., 0.25)(str(path)))
    assert len(windows) > 17 and len(opened) == 1
    assert sum(isinstance(item, Frame) for item in read) == 60
    assert sum(len(item.wave) for item in read if isinstance(item, Sound)) == 6 * rate
