"""Mini kitchens that can be heard: some verbs differ in motion only, others in sound only."""
import csv
import re
import shutil
from collections import Counter

import numpy as np
import pytest
from conftest import ROOT, load_tool, mini_dict, mini_options, run
from decord import VideoReader

from mmaction.apis import inference_recognizer, init_recognizer
from mmaction.registry import MODELS
from projects.cast.apis import CASTInferencer
from projects.cast.datasets.sound_file import SoundFile
from projects.cast.engine import read_config
from projects.cast.utils import InputError

TOOL = load_tool('data/mini_kitchens/generate_sound.py')
CONFIGS = {re.sub(r'ca2st_mini_(\d.*)?', '', p.stem): p for p in (ROOT / 'configs/ca2st/mini').glob('*.py')}
SIZES = dict(train_videos=6, val_videos=1)


@pytest.fixture(scope='module')
def roots(tmp_path_factory):
    """The same kitchens as they are, with sounds shuffled, and with motions shuffled."""
    roots = {shuffle: tmp_path_factory.mktemp(f'mini_{shuffle}') for shuffle in ('', 'sound', 'motion')}
    for shuffle, root in roots.items():
        TOOL.generate(root, shuffle=shuffle, **SIZES)
    return roots


def actions(root):
    """Verb, frames (those before and behind included) and samples of each training action."""
    with (root / 'EPIC_100_train.csv').open() as file:
        rows = list(csv.DictReader(file))
    files = {}
    for row in rows:
        name = str(root / row['participant_id'] / 'videos' / f'{row["video_id"]}.mp4')
        if name not in files:
            with SoundFile(name) as sound:
                assert sound.rate == TOOL.RATE
                files[name] = VideoReader(name)[:].asnumpy().astype(float), sound.read()
        frames, wave = files[name]
        first, last = int(row['start_frame']) - 1 - TOOL.REST, int(row['stop_frame']) + TOOL.REST
        start, stop = (round(float(row[key].split(':')[-1]) * TOOL.RATE)
                       for key in ('start_timestamp', 'stop_timestamp'))
        yield row['verb'], np.median(frames, 0), frames[first:last], wave[start:stop]


def appears(background, frames):
    """Whether the object is there at the end rather than at the beginning."""
    there = [(np.abs(frame - background).max(-1) > 50).sum() for frame in (frames[0], frames[-1])]
    assert min(there) < 60 < max(there)
    return there[1] > there[0]


def hisses(wave):
    """Whether it is `fry`, which alone sounds above 3.5 kHz all the time."""
    power = np.abs(np.fft.rfft(wave))**2
    return power[int(3500 * len(wave) / TOOL.RATE):].sum() / power.sum() > 0.2


def test_what_tells_the_verbs_of_a_pair_apart(roots):
    for shuffle, root in roots.items():
        found = Counter()
        for verb, background, frames, wave in actions(root):
            if verb in ('put', 'take'):
                found[verb, appears(background, frames)] += 1
            elif verb in ('pour', 'fry'):
                found[verb, hisses(wave)] += 1
        moves, sounds = (('put', 'take'), ('fry', 'pour'))
        for group, (yes, no) in (('motion', moves), ('sound', sounds)):
            right, wrong = found[yes, True] + found[no, False], found[yes, False] + found[no, True]
            assert right + wrong > 8 and (wrong > 2 if group == shuffle else wrong == 0), (shuffle, found)


def test_shuffling_sounds_leaves_the_pictures_as_they_are(roots):
    """Verbs that are told apart by sound look alike, whatever is shuffled."""
    plain, sound, motion = (VideoReader(str(root / 'P01/videos/P01_01.mp4'))[:].asnumpy()
                            for root in roots.values())
    assert np.array_equal(plain, sound) and not np.array_equal(plain, motion)
    texts = [(root / 'EPIC_100_train.csv').read_text() for root in roots.values()]
    assert texts[0] == texts[1] == texts[2]


@pytest.mark.parametrize('name', [*TOOL.ACTIONS, *TOOL.BACKGROUND])
def test_all_sounds_are_equally_loud_and_no_two_are_the_same(name):
    rng = np.random.default_rng(0)
    source = {**TOOL.ACTIONS, **TOOL.BACKGROUND}[name]
    one, other = (TOOL.play(rng, source, 12000) for _ in range(2))
    for wave in (one, other):
        assert np.sqrt(np.mean(wave**2)) == pytest.approx(TOOL.LOUDNESS) and np.abs(wave).max() < 1
    assert not np.allclose(one, other)


def test_sounds_are_written_when_they_happen(roots):
    """What the file has is what was made, apart from the codec's losses, and begins at the same time."""
    wave = TOOL.soundtrack(np.random.default_rng(3), ['knock', 'fry', 'put'])
    path = roots[''] / 'P99/videos/one.mp4'
    TOOL.write_video(path, [(np.zeros((64, 64, 3), np.uint8), -1, '', '')] * 36, wave)
    with SoundFile(str(path)) as sound:
        read = sound.read(0, 3)
    assert np.corrcoef(read[:len(wave)], wave)[0, 1] > 0.95


@pytest.mark.parametrize('name', CONFIGS)
def test_config_has_what_its_name_says(name):
    cfg = read_config(CONFIGS[name])
    backbone = MODELS.build(cfg.model).backbone
    alone = {'cast': {'spatial', 'temporal'}, 'cava': {'spatial', 'audio'}, 'audio-only': {'audio'}}
    assert set(backbone.experts) == alone.get(name, {'spatial', 'temporal', 'audio'})
    assert bool(backbone.exchanges[1]) == (name != 'audio-only')
    root = 'data/mini_sound' + ('_' + name.replace('-', '_') if 'shuffled' in name else '')
    for split in ('train', 'val', 'test'):
        dataset = cfg[f'{split}_dataloader'].dataset
        assert dataset.data_prefix.video == root and dataset.ann_file.startswith(root + '/')
        hears = any(t.type == 'LoadSpectrogram' for t in dataset.pipeline)
        assert hears == ('audio' in backbone.experts)
    assert len(CONFIGS) == 6


def test_whole_run(roots, tmp_path):
    config, work = CONFIGS['audio-only'], tmp_path / 'ca2st_mini_audio-only_seed0'
    options = mini_options(roots[''], **{'train_cfg.max_epochs': 1, 'train_dataloader.batch_size': 36,
                                         'default_hooks.checkpoint.interval': 1})
    run('tools/train.py', config, '--work-dir', work, '--cfg-options', *options)
    run('tools/test.py', config, work / 'epoch_1.pth', '--work-dir', work, '--dump', work / 'predictions.pkl',
        '--cfg-options', *options)
    other = tmp_path / f'{CONFIGS[""].stem}_seed3'
    shutil.copytree(work, other)
    output = run('tools/analysis/pair_accuracy.py', tmp_path, '--plot', tmp_path / 'groups.png', '--classes',
                 roots[''] / 'EPIC_100_verb_classes.csv')
    assert ('| model | seeds | motion within pair | motion verb | sound within pair | sound verb | verb | '
            'noun | action |') in output
    assert '| CA²ST | 1 |' in output and '| audio alone | 1 |' in output
    assert (tmp_path / 'groups.png').stat().st_size > 1000


def test_prediction_hears_the_file(roots, monkeypatch):
    """The inferencer and MMAction2's own function; a copy without sound looks the same, and is said."""
    config = read_config(next(path for path in CONFIGS.values() if 'rgb-audio' in path.stem),
                         mini_dict(roots['']))
    names = [str(roots[''] / f'EPIC_100_{task}_classes.csv') for task in ('verb', 'noun')]
    video = roots[''] / 'P01/videos/P01_01.mp4'
    frames = VideoReader(str(video))[:].asnumpy()
    silent = roots[''] / 'P99/videos/silent.mp4'
    load_tool('data/mini_kitchens/generate.py').write_video(silent, [(frame, -1, '', '') for frame in frames])

    said = []
    monkeypatch.setattr('projects.cast.apis.inferencer.print_log', lambda text, *_: said.append(text))
    infer = CASTInferencer(config, device='cpu', label_map=names, topk=8)
    for parameter in infer.model.parameters():
        if not parameter.any():  # those that start at zero
            parameter.data.normal_(std=0.2)
    (heard, ) = infer(str(video))['predictions']
    assert not said
    unheard = infer([str(silent), frames])['predictions']
    assert said == [f'{name}: has no sound; the model heard padding instead'
                    for name in (silent, 'an array of frames')]
    assert set(dict(heard['verb'])) == set(TOOL.VERBS)

    model = init_recognizer(config, device='cpu')
    model.load_state_dict(infer.model.state_dict())
    for file, ranking, missing in ((video, heard, None), (silent, unheard[0], True)):
        result = inference_recognizer(model, str(file))
        assert result.get('no_sound') == missing
        score = dict(zip(TOOL.VERBS, result.pred_score['verb'].tolist()))
        assert score == pytest.approx(dict(ranking['verb']), abs=1e-5)
    assert dict(heard['verb']) != pytest.approx(dict(unheard[0]['verb']), abs=1e-2)


def test_says_what_is_wrong(tmp_path):
    with pytest.raises(InputError, match='--val-videos 0: must be from 1 to 490'):
        TOOL.generate(tmp_path, val_videos=0)
