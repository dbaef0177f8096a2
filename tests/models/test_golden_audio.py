"""Parity with the research program of CA2ST and CAVA, stage by stage (reference: tiny random instances).

Three of its seven stored instances are kept in tests/golden, with every eighth gradient. The others are read
where they are at hand.
"""
import pytest
import torch
from conftest import ROOT
from einops import rearrange
from stored_audio import read, read_weights, tiny

from mmaction.registry import MODELS
from projects.cast.checkpoints import mismatch, recognise, rename

FOLDERS = ROOT / 'tests/golden', ROOT.parent / 'shared/golden'  # of two files with a name, the latter counts
FILES = {p.stem: p for folder in FOLDERS for kind in ('ca2st*', 'cava*') for p in sorted(folder.glob(kind))}
LAYOUT = {'spatial': 'b t s d -> s (b t) d', 'temporal': 'b t s d -> b (t s) d', 'audio': 'b 1 s d -> b s d'}
PAIRS = {'b_cast': 's_t_b_cast', 'spatial_audio': 's_audio_b_cast', 'temporal_audio': 't_audio_b_cast'}


@pytest.fixture(scope='module', params=FILES)
def golden(request):
    stored, metadata = read(FILES[request.param])
    weights = read_weights(stored, metadata)
    model = MODELS.build(tiny(request.param)).eval()
    system, table = recognise(weights)
    assert system == ('CAVA' if request.param.startswith('cava') else 'CA2ST')
    state = rename(weights, table)
    assert not mismatch(model.state_dict(), state)
    model.load_state_dict(state, strict=True)
    batch = {'video': stored['input.video'], 'audio': stored['input.spectrogram'][:, :1],
             'times': stored['input.times']}
    return model, stored, batch, table, metadata


def close(ours, theirs, tolerance=1e-5):
    torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance * max(1, theirs.abs().max().item()))


def test_every_stage(golden):
    model, stored, batch, _, _ = golden
    backbone, compared = model.backbone, set()

    def compare(key, data, layout):
        if key in stored:  # CAVA's pairs are not stored
            close(rearrange(data, layout), stored[key])
            compared.add(key)

    with torch.no_grad():
        batch = backbone.with_side_inputs(batch)
        if 'act.time.video' in stored:
            compare('act.time.video', batch['times_of_spatial'], 'b t 1 d -> b t d')
            compare('act.time.audio', batch['times_of_audio'], 'b t s d -> b t s d')
        x = {name: expert.embed(batch[expert.modality]) for name, expert in backbone.experts.items()}
        for name, tokens in x.items():
            compare(f'act.embed.{name}', tokens.data, LAYOUT[name])
        for i in range(2):
            after = backbone.block(i, x, batch)
            x = {name: expert.self_attend(i, x[name]) for name, expert in backbone.experts.items()}
            for pair, exchange in backbone.exchanges_at(i).items():
                updates = exchange(x, batch)
                if backbone.combine == 'sequence':
                    x |= {name: x[name].replace(x[name].data + phi) for name, phi in updates.items()}
                    updates = {name: x[name].data for name in updates}
                for side, name in zip('lr', sorted(updates, key=list(LAYOUT).index)):
                    layout = 'b 1 s d -> s b d' if name == 'audio' else LAYOUT[name]
                    compare(f'act.{i}.{PAIRS[pair]}.{side}', updates[name], layout)
            for name, tokens in after.items():
                compare(f'act.{i}.{name}', tokens.data, LAYOUT[name])
            x = after
    assert compared == {key for key in stored if key.startswith('act.')}


def test_features_scores_and_every_gradient(golden):
    model, stored, batch, table, metadata = golden
    model.requires_grad_(True)  # those of frozen parameters are stored, too
    model.zero_grad()
    features = model.backbone(batch)
    for name, feature in features.items():
        close(feature, stored[f'out.{name}_feature'])
    scores = model.cls_head(features)
    scores = scores if isinstance(scores, dict) else {'logits': scores}
    for name, score in scores.items():
        close(score, stored[f'out.{name}'])
    loss = sum(score.square().sum() for score in scores.values())
    close(loss, stored['loss'].squeeze())
    loss.backward()
    grads = {k: torch.zeros_like(p) if p.grad is None else p.grad for k, p in model.named_parameters()}
    grads = rename(grads, table, reverse=True)
    expected = {k[5:]: v for k, v in stored.items() if k.startswith('grad.')}
    assert grads.keys() == expected.keys()
    for key, theirs in expected.items():
        ours = grads[key].flatten()[::metadata['gradients_every']]
        error = (ours - theirs.flatten()).abs().max()
        assert error <= 1e-4 * theirs.abs().max(), (key, error)


def test_there_and_back(golden):
    """Bit for bit, aliases included, except for what the program never uses."""
    model, stored, _, table, metadata = golden
    back = rename(model.state_dict(), table, reverse=True)
    assert recognise(model.state_dict()) == recognise(back)
    expected = read_weights(stored, metadata)
    assert set(expected) - set(back) == set(metadata['no_grad'])
    assert all(key.startswith('audio_ln_post.') for key in metadata['no_grad'])
    for key, value in back.items():
        assert torch.equal(value, expected[key])
