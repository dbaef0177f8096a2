"""Features of a model that listens, from files with sound, without, and broken ones."""
import numpy as np
import pytest
import torch
from conftest import ROOT, randomised
from mmengine.dataset import Compose, pseudo_collate

from projects.cast.engine import read_config
from projects.cast.extraction import Clip, ClipReader, Extractor, SlidingReader, Store, read_clips

pq = pytest.importorskip('pyarrow.parquet')
sounds = pytest.importorskip('sounds', reason='PyAV is not installed')
MINI_SOUND = ROOT / 'configs/ca2st/mini/ca2st_mini_1xb32-u4-10e_mini-sound-rgb-audio.py'


@pytest.fixture(scope='module')
def config():
    return read_config(str(MINI_SOUND))


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('sounds')
    noise = np.random.default_rng(0).standard_normal(32000) / 8
    for name, sound in dict(a=noise, b=None, c=np.sin(np.arange(32000) / 9) / 2).items():
        sounds.write_sound(folder / f'{name}.mkv', sound, pictures=20)
    (folder / 'd.mkv').write_bytes(b'no video' * 99)
    return folder


def test_features_are_those_of_the_model_and_what_is_silent_is_noted(config, folder, tmp_path):
    pipeline, model = config.val_dataloader.dataset.pipeline, randomised(config.model)
    clips = read_clips(str(folder))
    batch, = ClipReader(pipeline)(0, clips)
    silent = 'has no sound, so that the model heard silence'
    assert [row['note'] for row in batch.rows] == ['', silent, '', '']
    assert [bool(row['error']) for row in batch.rows] == [False, False, False, True]
    features = Extractor(model)(batch.samples)
    data = model.data_preprocessor(pseudo_collate(
        [Compose(pipeline)(clip.sample()) for clip in clips[:3]]), False)
    with torch.no_grad():
        expected, _ = model.extract_feat(data['inputs'])
    assert set(features) == {'spatial', 'temporal', 'audio'} == {*Extractor(model).names}
    for name, x in expected.items():
        np.testing.assert_allclose(features[name], x.reshape(3, -1, 64).mean(1), atol=1e-6)
    assert np.abs(features['audio'][0] - features['audio'][2]).max() > 1e-3  # it hears
    Store(str(tmp_path)).write('part', batch.rows, features)
    rows = pq.read_table(tmp_path / 'part.parquet').to_pylist()
    assert rows[1]['audio'] is not None and 'no sound' in rows[1]['note'] and rows[3]['audio'] is None


def test_windows_are_heard(config, folder):
    pipeline = config.val_dataloader.dataset.pipeline
    for name, noted in (('a.mkv', False), ('b.mkv', True)):
        batch, = SlidingReader(pipeline, 1., 1., 8)(0, [Clip(name, str(folder / name))])
        assert len(batch.rows) == 2 and all(bool(row['note']) == noted for row in batch.rows)
        samples = batch.samples[0]['inputs']['audio'], batch.samples[1]['inputs']['audio']
        assert noted or not torch.equal(*samples)
