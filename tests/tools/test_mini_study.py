"""The clips and the experts of the miniature study."""
import csv
import sys

import numpy as np
import pytest
import torch
from conftest import ROOT
from decord import VideoReader

from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from projects.cast.engine import read_config
from projects.cast.utils import InputError

sys.path.insert(0, str(ROOT / 'tools'))
from study import (  # noqa: E402
    controls,
    generate,
    pretrain,
    probes,
    rows,
    scenes,
)

SMALL = dict(train=2, tuning=1, validation=1, **{'no-prior': 1})


def draw(count=64, seed=0, **law):
    return scenes.draw_actions(np.random.default_rng(seed), count, scenes.Law(**law))


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp('study') / 'plain'
    generate.generate(folder, 'plain', **SMALL)
    return folder


def read_csv(path):
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize('objects', (1, 3, 4))
def test_one_object_moves_straight_and_far_from_the_others(objects):
    actions = draw(objects=objects)
    assert actions.places.shape == (64, objects, 8, 2)
    steps = scenes.around(np.diff(actions.places, axis=2))
    assert not steps[:, 1:].any() and np.abs(steps[:, 0]).max(-1).min() >= 1
    unit = np.array(list(scenes.DIRECTIONS.values()))[actions.direction]
    whole = scenes.around(actions.places[:, 0, -1] - actions.places[:, 0, 0])
    assert ((whole * unit).sum(-1) >= 7).all() and ((whole * unit[:, ::-1]).sum(-1) == 0).all()
    assert actions.places.min() >= 0 and actions.places.max() < scenes.SIZE
    for places in actions.places:
        for a in range(objects):
            for b in range(a):
                gaps = np.linalg.norm(scenes.around(places[a][:, None] - places[b]), axis=-1)
                assert gaps.min() > scenes.GAP - 1.5  # they are drawn in whole pixels
    assert all(len(set(nouns)) == objects for nouns in actions.nouns)


def test_labels_follow_from_what_is_drawn():
    actions = draw(400)
    for i, verb in enumerate(actions.verbs):
        direction, bit = scenes.VERBS[verb].split('-')
        assert direction == list(scenes.DIRECTIONS)[actions.direction[i]]
        value = actions.marks[i, 0] if direction in ('left', 'right') else actions.scene[i]
        assert value == (bit in ('marked', 'level'))
    even = actions.nouns[:, 0] % 2 == 0
    share = (even == (actions.direction < 2)).mean()
    assert abs(share - 0.8) < 0.07
    free = draw(400, prior=0.5)
    assert abs(((free.nouns[:, 0] % 2 == 0) == (free.direction < 2)).mean() - 0.5) < 0.09


def test_luminance_tells_nothing_about_appearance():
    """Other nouns, marks and scenes change no pixel's luminance before it is rounded and encoded."""
    actions = draw(8)
    other = actions._replace(nouns=(actions.nouns + 3) % 8, marks=1 - actions.marks)
    one, two = (scenes.luminance(np.random.default_rng(1), a) for a in (actions, other))
    assert (one == two).all()
    frames = scenes.render(np.random.default_rng(1), actions).astype(float)
    changed = scenes.render(np.random.default_rng(1), other).astype(float)
    luma = np.array([0.299, 0.587, 0.114])
    assert np.abs(frames - changed).max() > 40
    inside = ((frames > 0) & (frames < 255) & (changed > 0) & (changed < 255)).all(-1)  # bytes end somewhere
    assert inside.mean() > 0.98
    assert np.abs(frames @ luma - changed @ luma)[inside].max() < 1.2


def test_chroma_tells_nothing_about_motion():
    """For the temporal expert, all colours change from frame to frame, also those of what rests."""
    actions = draw(4, objects=1)
    clips = scenes.render_motion(np.random.default_rng(0), actions, 1.).astype(float)
    chroma = clips[..., 2] - clips[..., 0]
    assert np.abs(np.diff(chroma, axis=1)).mean((0, 2, 3)).min() > 10
    grey = scenes.render_motion(np.random.default_rng(0), actions, 0.)
    assert (grey[..., 0] == grey[..., 2]).all()


def test_an_object_is_drawn_where_it_is_said_to_be():
    actions = draw(8, objects=1)
    frames = scenes.render(np.random.default_rng(0), actions, scenes.Law(objects=1)).astype(float)
    saturation = frames.max(-1) - frames.min(-1)
    for clip, path in zip(saturation, actions.places[:, 0]):
        for frame, (y, x) in zip(clip, path):
            inside = np.roll(frame, (4 - y, 4 - x), (0, 1))[:9, :9].mean()
            assert inside > 1.2 * frame.mean()


def test_files_have_the_clips(root):
    """The decoded files are the drawn clips as the codec leaves them; the labels are in EPIC's columns."""
    names = {name: read_csv(root / f'EPIC_100_{name}.csv') for name in (*generate.OTHERS, 'train', 'test')}
    assert [len(names[name]) for name in ('train', 'validation', 'no-prior', 'test')] == [64, 32, 32, 64]
    assert names['test'] == names['validation'] + names['no-prior']
    videos = [{row['video_id'] for row in names[split]} for split in ('train', *generate.OTHERS)]
    assert sum(map(len, videos)) == len(set.union(*videos)) == 5
    actions = generate.read_objects(root, 'validation')
    law = scenes.Law()
    key = [generate.STUDY, 0, 0, list(generate.LEVELS['plain'].splits).index('validation'), 0]
    drawn, frames = generate.video(key, law)
    for a, b in zip(actions, drawn):
        assert (a == b).all()
    row = names['validation'][3]
    video = VideoReader(str(root / row['participant_id'] / 'videos' / f'{row["video_id"]}.avi'))
    decoded = video[int(row['start_frame']) - 1:int(row['stop_frame'])].asnumpy()[:, 8:-8, 8:-8]
    original = np.stack([f for f, i, *_ in frames if i == 3])[:, 8:-8, 8:-8]
    assert len(decoded) == 8
    assert (row['verb'], row['noun']) == (scenes.VERBS[drawn.verbs[3]], scenes.NOUNS[drawn.nouns[3, 0]])
    decoded = decoded.astype(float)
    assert np.abs(decoded - scenes.through_codec(original)).mean() < 5  # decoders differ in chroma
    assert np.abs(decoded - original).mean() < 8
    before = (root / 'EPIC_100_train.csv').stat().st_mtime_ns
    generate.generate(root, 'plain', **SMALL)
    assert (root / 'EPIC_100_train.csv').stat().st_mtime_ns == before
    with pytest.raises(InputError, match='complete: was made or begun with other settings'):
        generate.generate(root, 'plain', 1, **SMALL)


def test_no_two_videos_share_a_seed(monkeypatch, tmp_path):
    keys, participants = [], []
    monkeypatch.setattr(generate, 'video', lambda key, law: (keys.append(tuple(key)), (draw(1), []))[1])
    monkeypatch.setattr(generate, 'write_video', lambda path, *_: participants.append(str(path)))
    for level, (_, splits) in generate.LEVELS.items():
        generate.generate(tmp_path / level, level)
        assert all(splits[name].videos * generate.ACTIONS >= 2400 for name in ('validation', 'no-prior'))
    assert len(keys) == len(set(keys)) == len(set(participants)) > 700
    assert {key[0] for key in keys} == {generate.STUDY} != {pretrain.PRETRAINING}  # the first number of all


@pytest.mark.parametrize('kind', pretrain.STAGES)
def test_pretraining_goes_on_where_it_was_stopped(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(pretrain, 'EVERY', 1)
    monkeypatch.setattr(pretrain.STAGES[kind], 'batch_size', 4)
    whole, parts = tmp_path / 'whole.pth', tmp_path / 'parts.pth'
    pretrain.pretrain(kind, whole, seed=3, steps=3)

    saved = pretrain.save

    def stop(value, path):
        saved(value, path)
        if isinstance(value, list) and value[0] == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(pretrain, 'save', stop)
    with pytest.raises(KeyboardInterrupt):
        pretrain.pretrain(kind, parts, seed=3, steps=3)
    monkeypatch.setattr(pretrain, 'save', saved)
    assert not parts.exists()
    pretrain.pretrain(kind, parts, seed=3, steps=3)
    one, two = torch.load(whole, weights_only=True), torch.load(parts, weights_only=True)
    assert list(one) == list(two) and all((one[k] == two[k]).all() for k in one)
    assert [p.name for p in tmp_path.glob('*.partial')] == []
    model = pretrain.STAGES[kind]()
    model.expert.tower.load_state_dict(one)


def test_the_motion_expert_is_told_where_the_object_is():
    model, rng = pretrain.Motions(), np.random.default_rng(0)
    model.batch_size = 6
    clip, direction, tokens = model.batch(rng, 10**6)
    assert clip.shape == (6, 3, 8, 48, 48) and tokens.shape == (6, 4, 36)
    for label, per_token in zip(direction, tokens):
        assert set(per_token.unique().tolist()) == {0, int(label) + 1}
        assert ((per_token > 0).sum(-1) >= 1).all() and (per_token > 0).float().mean() < 0.2


def test_bounds_by_hand():
    """Three objects, of which the first moves to the right; nouns 0 and 2 prefer this, and 1 does not."""
    zero = np.array([0])
    actions = scenes.Actions(np.array([[0, 1, 2]]), np.array([[1, 1, 0]]), zero, zero, np.zeros(0))
    found = probes.bounds(actions, 0.8)  # shares of 0.8, 0.2 and 0.8 in 1.8
    assert found == pytest.approx(dict(verb=100 / 1.8, noun=80 / 1.8, action=80 / 1.8))
    assert probes.bounds(actions, 0.5) == pytest.approx(dict(verb=200 / 3, noun=100 / 3, action=100 / 3))
    up = actions._replace(direction=np.array([3]))
    assert probes.bounds(up, 0.8) == pytest.approx(dict(verb=100., noun=80 / 1.2, action=80 / 1.2))


def test_probes_find_what_is_there_and_nothing_else():
    rng = torch.Generator().manual_seed(0)
    labels = torch.randint(4, (1000, ), generator=rng)
    noise = torch.randn(1000, 16, generator=rng)
    shown = noise + 4 * torch.nn.functional.one_hot(labels, 16)
    assert probes.linear_probe(shown, labels) > 90
    assert probes.linear_probe(noise, labels) < 35
    scores = dict(spatial=dict(noun=100., direction=25., mark=100., scene=100.),
                  temporal=dict(noun=12.5, direction=100., mark=75., scene=50.))
    assert probes.blind(scores, scores) == {'spatial, direction': 0., 'temporal, noun': 0.,
                                            'temporal, mark': 0.5, 'temporal, scene': 0.}
    failed = {**scores, 'spatial': {**scores['spatial'], 'scene': 49., 'noun': 12.5}}
    assert [probes.blind(scores, failed)[f'temporal, {fact}'] for fact in ('noun', 'scene')] == [np.inf] * 2
    three = {**scores, 'temporal': dict(noun=34.375, direction=100., mark=50., scene=50.)}
    assert probes.blind(three, scores)['temporal, noun'] == 0.25  # of the way to the lone object's 100


def test_no_cue_gives_the_labels_away():
    """Not colours, one frame, the path or the luminance; and in no frame do places tell what moves."""
    actions = draw(4000, prior=0.5)
    found = controls.controls(actions, scenes.render(np.random.default_rng(0), actions))
    assert len(found) == 16
    facts = {fact: [most for name, (_, most) in found.items() if name.startswith(fact)]
             for fact in ('noun', 'direction', 'mark', 'scene', 'moving object')}
    third = 100 / 3
    assert facts == {'noun': pytest.approx([third, third, 12.5, 12.5]), 'direction': [25, 25],
                     'mark': pytest.approx([75, 75, 50, 50], abs=1), 'scene': [50, 50, 50],
                     'moving object': pytest.approx([third] * 3)}
    for name, (value, most) in found.items():
        assert value < most + 3, name


def test_controls_would_find_a_cue():
    """Places do tell what moves if it is always in the left half; and colours tell a noun that is alone."""
    actions = draw(600, prior=0.5)
    actions.places[:, 0, :, 1] %= 24
    left = (actions.places[:, :, [0]] // 8 @ [6, 1])[..., None] == np.arange(36)
    assert controls.mover_probe(left.mean(2)) > 45
    assert abs(controls.mover_probe(np.zeros((100, 4, 36))) - 25) < 1e-3
    alone = draw(1500, objects=1, prior=0.5)
    found = controls.controls(alone, scenes.render(np.random.default_rng(0), alone, scenes.Law(objects=1)))
    assert found['noun from the mean colour'][0] > 20  # 12.5 by chance
    clips = scenes.render(np.random.default_rng(0), actions)
    clips[actions.scene > 0, 1:] = clips[actions.scene > 0, 1:] // 10 * 9  # one scene gets darker
    found = controls.controls(actions, clips)
    assert all(found[f'scene from the {cue}'][0] > 70 for cue in ('mean colour', 'differences of luminance'))


def test_experts_are_pretrained_as_the_config_uses_them():
    """Their sizes and the normalisation of their pixels are written in both places."""
    config = read_config(str(ROOT / rows.STUDY))
    for expert in config.model.backbone.experts.values():
        assert all(expert[key] == value for key, value in pretrain.EXPERT.items())
    pixels = torch.randint(0, 256, (2, 8, 48, 48, 3), dtype=torch.uint8)
    preprocessor = MODELS.build(config.model.data_preprocessor)
    views = [clip.permute(3, 0, 1, 2)[None] for clip in pixels]
    given = preprocessor(dict(inputs=views, data_samples=[ActionDataSample(), ActionDataSample()]))['inputs']
    torch.testing.assert_close(pretrain.normalize(pixels.numpy()), given.view(2, 3, 8, 48, 48))
