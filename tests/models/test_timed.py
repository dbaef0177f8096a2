"""CA2ST's time encoding: by hand, in both layouts; and what such models do with unusual batches."""
import pytest
import torch
from conftest import randomised
from stored_audio import tiny
from torch import nn

from mmaction.registry import MODELS
from projects.cast.models import TimeEncoding
from projects.cast.utils import InputError

TIMES = torch.tensor([[10., 14., *range(16)]])  # sound from 10 s to 14 s, a frame every second


class Tell(nn.Module):
    """In place of an MLP: its input, the start and the end."""

    def forward(self, x):
        return x


def encoding(**kwargs):
    """A time encoding that tells the start and the end of each piece."""
    model = TimeEncoding(embed_dims=2, **kwargs)
    for name in model.mlp:
        first = nn.Linear(2, 2)
        nn.init.eye_(first.weight)
        nn.init.zeros_(first.bias)
        model.mlp[name] = nn.Sequential(first, Tell())
    return model


def test_video_tokens_know_their_two_frames():
    pieces = encoding().video(TIMES, (8, 14, 14))
    assert pieces.shape == (1, 8, 1, 2)
    assert pieces[0, :, 0].tolist() == [[2 * k, 2 * k + 1] for k in range(8)]
    every_frame = encoding().video(TIMES, (16, 14, 14))  # an expert with tubelet_size=1
    assert every_frame[0, :, 0].tolist() == [[k, k] for k in range(16)]


@pytest.mark.parametrize('columns, sizes', [(39, [5] * 7 + [4]), (101, [13] * 7 + [10]), (8, [2] * 4)])
def test_audio_columns_know_their_part(columns, sizes):
    """Reference: 39 columns in parts of 5, the last of 4; 101 in parts of 13, the last of 10."""
    pieces = encoding().audio(TIMES, (1, 12, columns), parts=8)
    assert pieces.shape == (1, 1, 12 * columns, 2)
    expected = [[10 + k / 2, 10.5 + k / 2] for k, size in enumerate(sizes) for _ in range(size)]
    assert pieces[0, 0].unflatten(0, (12, columns)).tolist() == [expected] * 12


def test_the_programs_layout_by_name():
    """Time-major encodings on frequency-major tokens: token n gets column n // 12."""
    right, wrong = (encoding(audio_layout=layout).audio(TIMES, (1, 12, 39), parts=8)[0, 0]
                    for layout in ('frequency-major', 'time-major'))
    assert torch.equal(wrong, right[:39].repeat_interleave(12, 0))
    assert torch.equal(wrong[[0, 11, 12, 467]], right[[0, 0, 1, 38]])
    with pytest.raises(InputError, match="audio_layout='program' is not known; choose one of"):
        TimeEncoding(8, audio_layout='program')


def test_one_mlp_or_two():
    torch.manual_seed(0)
    shared, split = TimeEncoding(8, split=False), TimeEncoding(8)
    piece = torch.tensor([[[1., 2.]]])
    assert torch.equal(shared.encode('video', piece), shared.encode('audio', piece))
    assert not torch.equal(split.encode('video', piece), split.encode('audio', piece))
    assert sum(p.numel() for p in split.parameters()) == 2 * sum(p.numel() for p in shared.parameters())


@pytest.mark.parametrize('seconds', [10, 120])
def test_low_precision_tells_frames_apart(seconds):
    """In bfloat16, times at 120 s are half a second apart."""
    torch.manual_seed(0)
    model = TimeEncoding(16)
    times = torch.cat([torch.tensor([seconds, seconds + 2.]), seconds + torch.arange(16) / 8])[None]
    exact = model.video(times, (8, 14, 14)), model.audio(times, (1, 1, 8), 8)
    with torch.autocast('cpu', torch.bfloat16):
        mixed = model.video(times, (8, 14, 14)), model.audio(times, (1, 1, 8), 8)
    model.bfloat16()
    half = model.video(times, (8, 14, 14)), model.audio(times, (1, 1, 8), 8)
    for theirs, ours, low in zip(exact, mixed, half):
        torch.testing.assert_close(ours, theirs)  # weights of bfloat16 differ themselves
        assert len(low.flatten(0, 2).unique(dim=0)) == len(theirs.flatten(0, 2).unique(dim=0)) > 3


def batch(size=2):
    """A batch for the tiny models."""
    torch.manual_seed(0)
    return {'video': torch.randn(size, 3, 8, 32, 32), 'audio': torch.randn(size, 1, 64, 32),
            'times': torch.rand(size, 10).cumsum(1)}


@pytest.fixture(scope='module', params=['ca2st_verb_noun_shared_time', 'cava_time'])
def timed(request):
    return randomised(tiny(request.param))


def test_times_matter_to_what_is_exchanged_with_sound(timed):
    given = batch()
    features, later = timed.backbone(given), timed.backbone({**given, 'times': given['times'] + 3})
    moved = {name for name in features if not torch.allclose(features[name], later[name], atol=1e-4)}
    # class tokens pass the exchanges by, so only the next block could tell them of a time
    assert moved == ({'temporal'} if 'temporal' in features else {'spatial', 'audio'})


def test_the_video_pair_does_not_read_times():
    model = randomised(tiny('ca2st_verb_noun_shared_time'))
    pair = model.backbone.exchanges[0]['b_cast']
    assert 'times' not in pair.reads and 'times' in model.backbone.exchanges[1]['spatial_audio'].reads


def test_times_may_be_given_to_models_that_do_not_use_them():
    given, model = batch(), randomised(tiny('ca2st_single_label'))
    features = model.backbone(given)
    assert all(torch.equal(feature, features[name]) for name, feature in model.backbone(
        {'times': given['times'].double(), 'video': given['video'], 'audio': given['audio']}).items())
    without = model.backbone({key: given[key] for key in ('video', 'audio')})
    assert all(torch.equal(feature, features[name]) for name, feature in without.items())


def test_missing_or_wrong_times(timed):
    given = batch()
    with pytest.raises(InputError, match="reads the side input 'times', but the batch has"):
        timed.backbone({key: given[key] for key in ('video', 'audio')})
    with pytest.raises(InputError, match=r'times must be \(B, 2 \+ F\) = \(2, 10\).*got \(2, 8\)'):
        timed.backbone({**given, 'times': given['times'][:, 2:]})


def test_backbones_and_exchanges_that_do_not_fit():
    timed, tables = tiny('cava_time')['backbone'], tiny('cava_single_label')['backbone']
    untimed = {**timed, 'type': 'MultiExpertViT'}
    del untimed['time_encoding']
    with pytest.raises(InputError, match="type='TimedExpertViT'"):
        MODELS.build(untimed)(batch())
    with pytest.raises(InputError, match=r"got \[\]; without such exchanges, choose type='MultiExpertViT'"):
        MODELS.build({**tables, 'type': 'TimedExpertViT'})
    widths = tiny('ca2st_verb_noun_shared_time')['backbone']
    widths['exchanges']['spatial_audio']['bottleneck_dims'] = 12
    with pytest.raises(InputError, match=r'one bottleneck_dims, got \[12, 24\]'):
        MODELS.build({**widths, 'share_projections': ()})
    spectrograms = {'left': timed['experts']['audio'], 'audio': timed['experts']['audio']}
    exchange = {**timed['exchanges']['spatial_audio'], 'between': ('left', 'audio'),
                'receivers': {'left': 'space-time'}}
    with pytest.raises(InputError, match=r"needs an expert that reads video; the experts read \['audio'\]"):
        MODELS.build({**timed, 'experts': spectrograms, 'exchanges': {'pair': exchange}, 'order': ('pair', )})


@pytest.mark.parametrize('key', ['audio', 'times'])
def test_a_sample_without_sound_is_as_if_nothing_were_exchanged_with_sound(timed, key):
    """Whatever stands in the place of what it lacks."""
    given = batch()
    given[f'{key}_mask'] = torch.tensor([True, False])
    features = timed.backbone(given)
    whole = timed.backbone({k: v for k, v in given.items() if not k.endswith('mask')})
    filled = {**given, key: given[key].index_fill(0, torch.tensor([1]), 7.)}
    for name, feature in timed.backbone(filled).items():
        torch.testing.assert_close(feature[0], whole[name][0])
        if (name, key) != ('audio', 'times'):  # sound without times is still heard by the audio expert
            torch.testing.assert_close(feature[1], features[name][1])
    spatial = timed.backbone({'video': given['video'], 'audio_mask': torch.tensor([False, False]),
                              'times': given['times']})['spatial']
    torch.testing.assert_close(spatial[1], features['spatial'][1])


def test_other_lengths_than_the_native_one(timed):
    given = batch()
    given['audio'] = torch.randn(2, 1, 90, 32)  # 8 columns instead of 5
    assert all(feature.isfinite().all() for feature in timed.backbone(given).values())
    given.update(video=torch.randn(2, 3, 4, 32, 32), times=given['times'][:, :6])
    assert all(feature.isfinite().all() for feature in timed.backbone(given).values())
    del given['times']
    given['times_mask'] = torch.tensor([False, False])  # no sample has them, at no size
    assert all(feature.isfinite().all() for feature in timed.backbone(given).values())


@pytest.mark.parametrize('name', ['ca2st_single_label', 'ca2st_averaged', 'ca2st_verb_noun_shared_time',
                                  'cava_verb_noun', 'cava_time'])
def test_plain_and_checkpointed_models_compute_the_same(name):
    given, cfg = batch(), tiny(name)
    model = randomised(cfg)
    scores = model.cls_head(model.backbone(given))
    total = sum(s.sum() for s in (scores.values() if isinstance(scores, dict) else [scores]))
    total.backward()
    for option in ('plain', 'with_cp'):
        other = randomised({**cfg, 'backbone': {**cfg['backbone'], option: True}})
        other.load_state_dict(model.state_dict())
        for key, feature in other.backbone(given).items():
            torch.testing.assert_close(feature, model.backbone(given)[key], rtol=1e-4, atol=1e-5)
        scores = other.cls_head(other.backbone(given))
        sum(s.sum() for s in (scores.values() if isinstance(scores, dict) else [scores])).backward()
        theirs = dict(other.named_parameters())
        for key, p in model.named_parameters():
            if p.grad is not None:
                torch.testing.assert_close(theirs[key].grad, p.grad, rtol=1e-3, atol=1e-4)


def test_what_reaches_no_score_is_ignored_by_ddp():
    """In the last block, class tokens of the spatial and the audio expert are all that is pooled."""
    model = randomised(tiny('ca2st_verb_noun_shared_time'))
    scores = model.cls_head(model.backbone(batch()))
    sum(s.sum() for s in scores.values()).backward()
    without = {k for k, p in model.named_parameters() if p.requires_grad and p.grad is None}
    assert without == set(model._ddp_params_and_buffers_to_ignore)
    assert without and all('exchanges.1.' in k and '.attn.' in k for k in without)
    assert not any('.attn.temporal.' in k for k in without)
