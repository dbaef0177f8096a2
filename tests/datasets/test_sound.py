"""Sound, from files of many kinds to spectrograms."""
import logging

import h5py
import numpy as np
import pytest
import torch
from conftest import ROOT
from safetensors.numpy import load_file
from sounds import write_sound

from mmaction.registry import MODELS, TRANSFORMS
from mmaction.structures import ActionDataSample
from projects.cast.datasets.log_mel import count_rows, log_mel
from projects.cast.datasets.sound_file import SoundFile, has_sound, resample
from projects.cast.datasets.spectrogram import LoadSpectrogram
from projects.cast.utils import InputError

SILENCE = np.log(1.192092955078125e-07)  # of a row
CLIP = dict(num_clips=1, clip_len=4, frame_inds=np.arange(0, 8, 2), avg_fps=10., start_index=0)


def sine(seconds=1., rate=16000):
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)


def read(path, *span):
    with SoundFile(str(path)) as sound:
        return sound.read(*span)


def load(path, **kwargs):
    return LoadSpectrogram(**{'num_rows': 50, 'test_mode': True, **kwargs}).transform(
        dict(CLIP, filename=str(path)))


def test_log_mel_is_kaldis_in_double_precision():
    """On a chirp made of three tones; every fourth row is stored."""
    t = np.arange(32000) / 16000
    wave = sum(a * np.sin(2 * np.pi * (f0 * t + (f1 - f0) * t**2 / 4) + phase) for f0, f1, a, phase in (
        (100, 7000, .5, 0), (5000, 200, .25, .5), (440, 440, .125, 1))).astype(np.float32)
    expected = load_file(ROOT / 'tests/golden/logmel_16k.safetensors')['every_fourth_row']
    found = log_mel(wave, 16000)
    assert found.shape == (198, 128) and np.abs(found[::4] - expected).max() < 5e-4


@pytest.mark.parametrize('samples, rows', [
    (399, 0), (400, 1), (559, 1), (560, 2), (32000, 198), (160000, 998)])
def test_rows(samples, rows):
    assert count_rows(samples, 16000) == len(log_mel(np.ones(samples), 16000)) == rows


@pytest.mark.parametrize('rate', [8000, 11025, 16000, 22050, 24000, 44100, 48000, 96000])
def test_any_rate_is_resampled(tmp_path, rate):
    write_sound(tmp_path / 'a.wav', sine(1, rate), rate)
    wave = resample(read(tmp_path / 'a.wav'), rate, 16000)
    assert len(wave) == 16000 and np.abs(wave - sine())[500:-500].max() < 2e-3
    kept = load(tmp_path / 'a.wav', rate=None)['audio'][0, 0]  # the mel bands then reach half of its rate
    assert kept.shape == (50, 128)
    peak = 1127 * np.log1p(440 / 700) - 1127 * np.log1p(20 / 700)
    top = 1127 * np.log1p(rate / 2 / 700) - 1127 * np.log1p(20 / 700)
    assert abs(int(kept[20].argmax()) - (peak / top * 129 - 1)) <= 1.5


@pytest.mark.parametrize('codec, sample_format, error', [
    ('pcm_u8', 'u8', 8e-3), ('pcm_s16le', 's16', 5e-5), ('pcm_s24le', 's32', 1e-6),
    ('pcm_s32le', 's32', 1e-6), ('pcm_f32le', 'flt', 1e-6), ('pcm_f64le', 'dbl', 1e-6)])
def test_any_depth(tmp_path, codec, sample_format, error):
    write_sound(tmp_path / 'a.wav', sine(), 16000, codec, sample_format=sample_format)
    assert np.abs(read(tmp_path / 'a.wav') - sine()).max() < error


@pytest.mark.parametrize('layout, count', [('mono', 1), ('stereo', 2), ('5.1', 6)])
def test_channels_are_averaged(tmp_path, layout, count):
    channels = np.stack([(i + 1) / count * sine() for i in range(count)])
    write_sound(tmp_path / 'a.wav', channels, layout=layout)
    assert np.abs(read(tmp_path / 'a.wav') - channels.mean(0)).max() < 1e-4


@pytest.mark.parametrize('suffix, codec, sample_format', [
    ('avi', 'pcm_s16le', 's16'), ('mp4', 'aac', 'fltp'), ('mkv', 'flac', 's16'), ('avi', 'mp3', 'fltp')])
def test_a_part_is_the_same_as_in_the_whole(tmp_path, suffix, codec, sample_format):
    noise = 0.2 * np.random.default_rng(0).standard_normal(16000 * 6)
    path = tmp_path / f'a.{suffix}'
    write_sound(path, noise, 16000, codec, sample_format=sample_format, pictures=60)
    whole, part = read(path), read(path, 2.5, 4.25)
    assert len(part) == 28000 and abs(len(whole) - 96000) < 4000
    expected = whole[40000:68000]
    assert np.abs(part - expected).max() < (1e-4 if codec in ('pcm_s16le', 'flac') else 0.05)
    if codec in ('pcm_s16le', 'flac'):
        assert np.abs(expected - noise[40000:68000]).max() < 1e-4
        for start in (0.01, 0.02, 0.03):  # near the beginning, too
            assert np.abs(read(path, start, 1.) - whole[round(start * 16000):16000]).max() < 1e-4


def test_sound_that_begins_after_the_pictures(tmp_path):
    write_sound(tmp_path / 'a.mkv', sine(), codec='flac', pictures=30, delay=1.)
    wave = read(tmp_path / 'a.mkv')
    assert not wave[:15900].any() and np.abs(wave[16000:17000] - sine()[:1000]).max() < 1e-3


def test_sound_that_does_not_begin_at_zero_is_not_moved(tmp_path):
    """In an MPEG transport stream; reads from the start agree with later ones."""
    noise = 0.2 * np.random.default_rng(0).standard_normal(16000 * 6)
    write_sound(tmp_path / 'a.ts', noise, 16000, 'aac', sample_format='fltp', pictures=60)
    whole, later = read(tmp_path / 'a.ts', 0, 5.), read(tmp_path / 'a.ts', 3., 5.)
    assert np.abs(whole[48100:] - later[100:]).max() < 0.05


def test_a_window_in_the_middle_is_that_of_the_whole(tmp_path):
    """Its first row as well, though another rate has to be resampled."""
    write_sound(tmp_path / 'a.wav', sine(8., 44100), 44100)
    results = load(tmp_path / 'a.wav', num_rows=400)
    whole = log_mel(resample(read(tmp_path / 'a.wav'), 44100, 16000), 16000)
    first = len(whole) - 400 - int((len(whole) - 400) / 2)
    assert np.abs(results['audio'][0, 0].numpy() - whole[first:first + 400]).max() < 2e-3


def test_titles_in_any_encoding(tmp_path):
    write_sound(tmp_path / 'a.avi', sine(), pictures=10)
    data = (tmp_path / 'a.avi').read_bytes()
    at = data.index(b'ISFT') + 8
    (tmp_path / 'a.avi').write_bytes(data[:at] + b'\xe9' + data[at + 1:])
    assert has_sound(str(tmp_path / 'a.avi'))


def test_a_stream_without_a_decoder_is_damaged(tmp_path):
    write_sound(tmp_path / 'a.mkv', sine(), codec='flac')
    data = (tmp_path / 'a.mkv').read_bytes()
    assert b'A_FLAC' in data
    (tmp_path / 'a.mkv').write_bytes(data.replace(b'A_FLAC', b'A_XYZA'))
    results = load(tmp_path / 'a.mkv')
    assert results['no_sound'] and results['damaged_sound']


def test_missing_parts_are_damage(tmp_path):
    """Also where the container drops them, and at the end."""
    noise = 0.3 * np.random.default_rng(0).standard_normal(16000 * 6)
    write_sound(tmp_path / 'a.mkv', noise, codec='flac')
    assert 'damaged_sound' not in load(tmp_path / 'a.mkv', num_rows=600)
    data = bytearray((tmp_path / 'a.mkv').read_bytes())
    third = len(data) // 3
    data[third:third + 8000] = bytes(8000)
    (tmp_path / 'a.mkv').write_bytes(data)
    assert load(tmp_path / 'a.mkv', num_rows=600)['damaged_sound']
    write_sound(tmp_path / 'b.mp3', noise, codec='mp3', sample_format='fltp')
    data = (tmp_path / 'b.mp3').read_bytes()
    (tmp_path / 'b.mp3').write_bytes(data[:len(data) // 2])  # the header still says 6 s
    assert load(tmp_path / 'b.mp3', num_rows=600)['damaged_sound']


def test_hdf5_that_is_no_row_of_samples(tmp_path):
    wave = np.full(24000, 0.1, np.float32)
    wave[12000] = np.nan
    with h5py.File(tmp_path / 'a.hdf5', 'w') as file:
        file['two'], file['group/one'], file['nan'], file['scalar'] = np.zeros((2, 9)), wave, wave, 3
    for key in ('two', 'group', 'scalar'):
        with pytest.raises(InputError, match=rf'a.hdf5/{key}: is .* instead of \(samples, \)'):
            SoundFile(str(tmp_path / 'a.hdf5' / key))
    results = load(tmp_path / 'a.hdf5/nan', num_rows=50)
    assert results['audio'].isfinite().all() and results['damaged_sound']


@pytest.mark.parametrize('seconds', [0.5, 3.])
def test_sound_shorter_and_longer_than_the_pictures(tmp_path, seconds):
    """Shorter: zeros follow. Longer: all of it is heard, as by CA2ST's program."""
    write_sound(tmp_path / 'a.avi', sine(seconds), pictures=10)
    results = load(tmp_path / 'a.avi', num_rows=100)
    rows = count_rows(round(seconds * 16000), 16000)
    heard = results['audio'][0, 0].abs().sum(1) > 0
    assert int(heard.sum()) == min(rows, 100) and bool(heard[:min(rows, 100)].all())
    start, end = results['times'][0, :2].tolist()
    if rows < 100:  # the end lies behind the end of the sound
        assert (start, end) == (0, pytest.approx(seconds * 100 / rows, rel=1e-5))
    else:
        first = rows - 100 - int((rows - 100) / 2)
        assert (start, end) == pytest.approx(
            (first * seconds / rows, (first + 100) * seconds / rows), rel=1e-5)


def test_windows_of_views_by_hand(tmp_path):
    """2 clips and 3 crops: (3 k + s + 3) / 12 of the rows that a view does not hear, crop after crop."""
    write_sound(tmp_path / 'a.wav', np.random.default_rng(0).standard_normal(48000) / 8)  # 298 rows
    results = dict(CLIP, filename=str(tmp_path / 'a.wav'), num_clips=2, frame_inds=np.arange(8))
    views = LoadSpectrogram(num_rows=50, num_crops=3, test_mode=True).transform(results)
    whole = log_mel(read(tmp_path / 'a.wav'), 16000)
    assert views['audio'].shape == (6, 1, 50, 128)
    for view, (s, k) in enumerate((s, k) for s in range(3) for k in range(2)):
        first = 248 - int(248 * (1 - (3 * k + s + 3) / 12))
        torch.testing.assert_close(views['audio'][view, 0], torch.from_numpy(whole[first:first + 50]),
                                   atol=2e-2, rtol=0)
        assert views['times'][view].tolist() == pytest.approx(
            [3 * first / 298, 3 * (first + 50) / 298, *(np.arange(4) + 4 * k) / 10])


def test_training_hears_all_windows(tmp_path):
    """But for the first, which the program's rounding leaves out."""
    write_sound(tmp_path / 'a.wav', sine(1.))
    starts = {round(float(load(tmp_path / 'a.wav', num_rows=93, test_mode=False)['times'][0, 0]) * 98)
              for _ in range(100)}
    assert starts == set(range(1, 6))


def test_a_segment_is_heard_from_its_start(tmp_path):
    noise = 0.2 * np.random.default_rng(0).standard_normal(16000 * 4)
    write_sound(tmp_path / 'a.avi', noise, pictures=40)
    results = dict(CLIP, filename=str(tmp_path / 'a.avi'), start_time=1., stop_time=2.5, start_index=10,
                   frame_inds=np.array([10, 12, 15, 24]))
    results = LoadSpectrogram(num_rows=200, test_mode=True).transform(results)
    expected = torch.from_numpy(log_mel(noise[16000:40000], 16000))
    torch.testing.assert_close(results['audio'][0, 0, :148], expected, atol=2e-2, rtol=0)
    assert not results['audio'][0, 0, 148:].any()
    assert results['times'][0].tolist() == pytest.approx([0, 1.5 * 200 / 148, 0, 0.2, 0.5, 1.4])


def test_no_stream_no_file_and_silence_are_told_apart(tmp_path):
    write_sound(tmp_path / 'mute.avi', None, pictures=10)
    write_sound(tmp_path / 'silent.avi', np.zeros(16000), pictures=10)
    for name in ('mute.avi', 'missing.avi'):
        results = load(tmp_path / name)
        assert results['no_sound'] and not results['audio'].any() and results['times'][0, 1] == 0.5
    silent = load(tmp_path / 'silent.avi')
    assert 'no_sound' not in silent and torch.allclose(silent['audio'], torch.tensor(SILENCE).float())


def test_missing_sound_is_counted_in_training(tmp_path, caplog):
    transform = LoadSpectrogram(num_rows=50)
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            transform.transform(dict(CLIP, filename=str(tmp_path / 'x.mp4')))
    assert (transform.missing, transform.drawn) == (5, 5)


def test_a_file_broken_in_the_middle_stays_in_time(tmp_path):
    path = tmp_path / 'a.mp4'
    noise = 0.3 * np.random.default_rng(0).standard_normal(16000 * 6)
    write_sound(path, noise, 16000, 'aac', sample_format='fltp')
    whole, data = read(path), bytearray(path.read_bytes())
    third = len(data) // 3
    data[third:third + 600] = bytes(b ^ 0xA5 for b in data[third:third + 600])
    path.write_bytes(data)
    broken = read(path)
    assert abs(len(broken) - len(whole)) <= 1024
    assert np.abs(broken[-16000:] - whole[len(broken) - 16000:len(broken)]).max() < 1e-3
    assert load(path, num_rows=600)['damaged_sound']


def test_damaged_and_without_sound(tmp_path):
    (tmp_path / 'a.mp4').write_bytes(b'no video' * 100)
    results = load(tmp_path / 'a.mp4')
    assert results['damaged_sound'] and results['no_sound']


def test_a_file_that_does_not_tell_its_length_is_decoded_once(tmp_path):
    write_sound(tmp_path / 'a.mkv', sine(3.), codec='flac')
    with SoundFile(str(tmp_path / 'a.mkv')) as sound:
        assert sound.seconds == np.inf
        whole = sound.read()
        assert sound.seconds == pytest.approx(3., abs=0.1) and len(sound.decode(0, 1)) > 1
        assert sound.decode(0, 1) is sound.decode(2, 3)
        np.testing.assert_array_equal(sound.read(1., 2.), whole[16000:32000])


def test_files_beside_the_videos(tmp_path):
    write_sound(tmp_path / 'a.avi', None, pictures=10)
    write_sound(tmp_path / 'a.wav', sine())
    with h5py.File(tmp_path / 'EPIC_audio.hdf5', 'w') as file:
        file['P01_01'] = (32767 * sine(1, 24000)).astype(np.int16)
    beside = load(tmp_path / 'a.avi', template='{folder}/{stem}.wav')
    assert 'no_sound' not in beside
    sample = dict(CLIP, filename=str(tmp_path / 'a.avi'), video_id='P01_01')
    kept = LoadSpectrogram(50, test_mode=True, template=str(tmp_path / 'EPIC_audio.hdf5/{video_id}'))
    difference = kept.transform(dict(sample))['audio'] - beside['audio']
    assert float(difference[0, 0, 10:40, 10:60].abs().median()) < 0.05  # the window has other side lobes
    assert kept.transform(dict(sample, video_id='P01_02'))['no_sound']
    with pytest.raises(InputError, match=r"template='\{video\}.wav' does not fit .*a.avi"):
        load(tmp_path / 'a.avi', template='{video}.wav')


def test_says_which_extra_is_missing(tmp_path, monkeypatch):
    write_sound(tmp_path / 'a.wav', sine())

    def fail(name):
        raise ImportError(name)
    monkeypatch.setattr('projects.cast.utils.libraries.import_module', fail)
    with pytest.raises(InputError, match=r'sound needs av; run: pip install -e "\.\[audio\]"'):
        read(tmp_path / 'a.wav')


def test_spec_augment():
    augment = TRANSFORMS.build(dict(type='SpecAugment', fill=5.))
    masked = augment.transform(dict(audio=torch.zeros(200, 1, 100, 128)))['audio'][:, 0] == 5
    rows, bands = masked.all(2).sum(1), masked.all(1).sum(1)  # masks cover whole rows and whole bands
    assert rows.max() <= 100 and 70 > rows.float().mean() > 30 and 38 >= bands.max() > 20
    assert (masked == (masked.all(2, keepdim=True) | masked.all(1, keepdim=True))).all()
    assert rows.unique().numel() > 20  # views have masks of their own


def test_mixup_and_spectrogram_cutmix():
    """One lambda for both; with cutmix, the label follows the share of the box that was cut."""
    batch = dict(imgs=torch.zeros(2, 1, 3, 2, 4, 4), audio=torch.zeros(2, 1, 1, 50, 128))
    for name in batch:
        batch[name][1] = 1
    labels = torch.eye(2)
    mixup = MODELS.build(dict(type='ReverseMixup', alpha=1., num_classes=2))
    mixed, target = mixup.do_blending(dict(batch), labels)
    lam = float(target[0, 0])
    assert torch.allclose(mixed['imgs'][0], torch.tensor(1 - lam)) and torch.allclose(
        mixed['audio'][1], torch.tensor(lam))
    cutmix = MODELS.build(dict(type='SpectrogramCutMix', alpha=1., num_classes=2))
    shares = []
    for _ in range(50):
        mixed, target = cutmix.do_blending(dict(batch), labels)
        assert set(mixed['audio'].unique().tolist()) <= {0., 1.}
        share = float(mixed['audio'][0].mean())
        assert float(target[0, 1]) == pytest.approx(share, abs=1e-6)
        assert torch.equal(mixed['audio'][1], 1 - mixed['audio'][0])
        shares.append((share, float(mixed['imgs'][0].mean())))
    cut, drawn = np.array(shares).T
    assert (cut <= drawn + 0.06).all() and np.corrcoef(cut, drawn)[0, 1] > 0.7  # boxes are cut at the borders


def test_batches_with_and_without_sound(tmp_path):
    """After normalisation, padding is 0.467 and silence -1.278, also in one batch."""
    write_sound(tmp_path / 'silent.avi', np.zeros(4000), pictures=10)
    write_sound(tmp_path / 'mute.avi', None, pictures=10)
    samples = [load(tmp_path / name) for name in ('silent.avi', 'mute.avi')]
    preprocessor = MODELS.build(dict(
        type='CASTDataPreprocessor', preprocessors=dict(audio=dict(
            type='mmaction.ActionDataPreprocessor', mean=[-4.2677393], std=[2 * 4.5689974],
            format_shape='NCHW'))))
    batch = preprocessor(dict(inputs=dict(audio=[s['audio'] for s in samples],
                                          times=[s['times'] for s in samples]),
                              data_samples=[ActionDataSample() for _ in samples]))['inputs']
    assert batch['audio'].shape == (2, 1, 1, 50, 128) and batch['times'].shape == (2, 1, 6)
    silent, mute = batch['audio'][:, 0, 0, :, 0]
    assert silent[:23].tolist() == pytest.approx([-1.2776] * 23, abs=1e-4)
    assert torch.cat([silent[23:], mute]).tolist() == pytest.approx([0.46703] * 77, abs=1e-4)


