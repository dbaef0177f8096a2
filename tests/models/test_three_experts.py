"""A third expert with its own grid, modality, width and normalisation, added without changing any class."""
import copy

import pytest
import torch
from conftest import randomised as build
from mmengine.runner import load_checkpoint
from toy import backbone, recognizer

from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from projects.cast.models import PositionTable
from projects.cast.utils import InputError

TASKS = ('verb', 'noun', 'place')


def inputs(batch=2, sound=(8, 12)):
    torch.manual_seed(1)
    return dict(video=torch.randn(batch, 3, 4, 32, 32), spectrogram=torch.randn(batch, 1, *sound),
                times=torch.rand(batch, 2))


def streams(model, batch):
    return {n: e.embed(e.renormalize(batch[e.modality])) for n, e in model.experts.items()}


def by_hand(model, batch, combine):
    """The last block's exchanges, written out; the paper's order of everything else."""
    x = streams(model, batch)
    for i in range(2):
        x = {n: e.self_attend(i, x[n]) for n, e in model.experts.items()}
        exchanges = model.exchanges_at(i)
        names = [name for name in ('video', 's_sound', 't_sound') if name in exchanges]
        old, gets = x, {name: [] for name in x}
        for name in names:
            for r, phi in exchanges[name](x if combine == 'sequence' else old, batch).items():
                gets[r].append(phi)
                if combine == 'sequence':
                    x = {**x, r: x[r].replace(x[r].data + phi)}
        if combine != 'sequence':
            share = {r: len(phis) if combine == 'mean' else 1 for r, phis in gets.items()}
            x = {r: t.replace(t.data + sum(gets[r]) / share[r]) if gets[r] else t for r, t in x.items()}
        x = {n: e.feed_forward(i, x[n]) for n, e in model.experts.items()}
    return {n: e.pool(x[n]) for n, e in model.experts.items()}


@pytest.mark.parametrize('combine', ['sum', 'mean', 'sequence'])
@pytest.mark.parametrize('plain', [False, True])
def test_each_way_to_combine(combine, plain):
    model, batch = build(backbone(combine, plain=plain)), inputs()
    features = model(batch)
    shapes = {name: feature.shape for name, feature in features.items()}
    assert shapes == {'spatial': (2, 16), 'temporal': (2, 24), 'sound': (2, 12)}
    for name, feature in by_hand(model, batch, combine).items():
        torch.testing.assert_close(features[name], feature)
    for other in {'sum', 'mean', 'sequence'} - {combine}:
        assert not torch.allclose(features['sound'], build(backbone(other))(batch)['sound'], atol=1e-4)


def test_the_order_is_a_key_and_not_the_dicts():
    """mmengine sorts the keys of the configs that it writes."""
    cfg, batch = backbone(), inputs()
    turned = {**cfg, 'exchanges': dict(reversed(cfg['exchanges'].items())),
              'experts': dict(reversed(cfg['experts'].items()))}
    one, other = build(cfg), build(turned)
    assert [k for k, _ in one.named_parameters()] == [k for k, _ in other.named_parameters()]
    torch.testing.assert_close(one(batch), other(batch), rtol=0, atol=0)
    cfg['order'] = ('t_sound', 's_sound', 'video')
    changed = build(cfg)
    changed.load_state_dict(one.state_dict())
    assert not torch.allclose(changed(batch)['sound'], one(batch)['sound'], atol=1e-4)
    for order in (None, ('video', 's_sound')):
        with pytest.raises(InputError, match='must name each of the exchanges'):
            MODELS.build({**cfg, 'order': order})


def test_only_what_nothing_reads_is_dropped():
    """In the last block an exchange computes patches for those that come after it."""
    model, batch = build(backbone()), inputs()
    seen = {}
    for name, exchange in model.exchanges_at(1).items():
        exchange.register_forward_hook(lambda m, args, phi, name=name: seen.update(
            {name: {r: p.shape[2] for r, p in phi.items()}}))
    model(batch)
    patches = dict(spatial=1 + 4, sound=2 + 6, temporal=4)
    assert seen['video'] == dict(spatial=patches['spatial'], temporal=patches['temporal'])
    assert seen['s_sound'] == dict(spatial=1, sound=patches['sound'])  # t_sound reads the sound's
    assert seen['t_sound'] == dict(temporal=patches['temporal'], sound=2)


def test_shared_projections():
    model = build(backbone(share=('sound', 'spatial', 'temporal')))
    video, s, t = (model.exchanges_at(1)[name] for name in ('video', 's_sound', 't_sound'))
    assert s.down.sound is t.down.sound and s.up.sound is t.up.sound and s.down.spatial is video.down.spatial
    assert s.norm.sound is not t.norm.sound and s.attn.sound is not t.attn.sound
    apart = build(backbone())
    count, fewer = (sum(p.numel() for p in m.parameters()) for m in (apart, model))
    assert count - fewer == sum(8 * width + 8 + width * 8 + width for width in (16, 24, 12))
    assert set(model.state_dict()) == set(apart.state_dict())  # every alias is there
    with pytest.raises(InputError, match=r"cannot share the projections of 'sound'.*\(8, 12\).*\(4, 12\)"):
        cfg = backbone(share=('sound', ))
        cfg['exchanges']['s_sound']['bottleneck_dims'] = 4
        MODELS.build(cfg)
    with pytest.raises(InputError, match="share_projections names 'sond'"):
        MODELS.build(backbone(share=('sond', )))


def test_side_inputs_and_the_experts_own_normalisation():
    model, batch = build(recognizer()), inputs()
    features = model.backbone(batch)
    later = model.backbone({**batch, 'times': batch['times'] + 1})
    assert not torch.allclose(features['sound'], later['sound'], atol=1e-4)
    # the preprocessor has (0, 4), the expert (1, 2): x * 4 / 2 + (0 - 1) / 2
    sound = model.backbone.experts['sound']
    torch.testing.assert_close(sound.renormalize(batch['spectrogram']), 2 * batch['spectrogram'] - 0.5)
    with pytest.raises(InputError, match=r"reads 'spectrogram', but the batch has \['times', 'video'\]"):
        model.backbone({k: v for k, v in batch.items() if k != 'spectrogram'})


@pytest.mark.parametrize('combine', ['sum', 'mean', 'sequence'])
def test_samples_without_sound(combine):
    """A sample without sound is what the model without these exchanges computes; the others do not notice."""
    model, batch = build(backbone(combine)), inputs()
    whole = model(batch)
    masked = model({**batch, 'spectrogram_mask': torch.tensor([True, False])})
    assert not masked['sound'][1].any()
    for name, feature in masked.items():
        torch.testing.assert_close(feature[0], whole[name][0])
    cfg = backbone(combine)
    cfg['order'] = ('video', )
    cfg['exchanges'] = {'video': cfg['exchanges']['video']}
    alone = MODELS.build(cfg).eval()
    alone.load_state_dict({k: v for k, v in model.state_dict().items() if '_sound' not in k})
    for name in ('spatial', 'temporal'):
        torch.testing.assert_close(masked[name][1], alone(batch)[name][1])
    silent = {k: v for k, v in batch.items() if k != 'spectrogram'}
    none = model({**silent, 'spectrogram_mask': torch.tensor([False] * 2)})
    torch.testing.assert_close(none['spatial'], alone(batch)['spatial'])


def test_other_sizes_of_one_modality():
    model, batch = build(backbone()), inputs(sound=(8, 20))
    before = model(batch)
    model.set_input_size((8, 20), 'spectrogram')
    tables = [m for m in model.modules() if isinstance(m, PositionTable)]
    assert {m.grid for m in tables if m.owner[0] is model.experts['sound'].tower} == {(1, 2, 5)}
    torch.testing.assert_close(model(batch), before)


def samples(count=2):
    return [ActionDataSample(gt_label=dict(verb=i, noun=2, place=i % 2)) for i in range(count)]


def test_training_step_and_what_reaches_no_score():
    model = build(recognizer(share=('sound', ))).train()
    dead = set(model._ddp_params_and_buffers_to_ignore)
    before = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=100.)
    views = {k: v[:, None] for k, v in inputs().items()}
    losses = model(views, samples(), mode='loss')
    assert {f'loss_{task}' for task in TASKS} <= set(losses)
    sum(v for k, v in losses.items() if k.startswith('loss')).backward()
    without = {k for k, p in model.named_parameters() if p.requires_grad and p.grad is None}
    assert without == dead and 0 < len(dead) < 20
    optimizer.step()
    moved = {k for k, v in model.named_parameters() if not torch.equal(v, before[k])}
    assert moved == {k for k, p in model.named_parameters() if p.requires_grad} - dead
    towers = {k for k in moved if '.tower.' in k}
    assert {k.rsplit('.', 2)[1] for k in towers} == {'ln_post', 'fc_norm', 'norm'}


def test_views_of_several_modalities():
    """Six views of the video go with one of the sound; scores are averaged over them."""
    model, batch = build(recognizer()), inputs()
    video = torch.randn(2, 6, 3, 4, 32, 32)
    views = dict(imgs=video, spectrogram=batch['spectrogram'][:, None], times=batch['times'][:, None],
                 spectrogram_mask=torch.tensor([True, False]))
    with torch.no_grad():
        whole = model(views, samples(), mode='predict')
        model.test_cfg = dict(max_testing_views=5)
        parts = model(views, samples(), mode='predict')
        clips = dict(video=video.flatten(0, 1), spectrogram_mask=torch.tensor([True] * 6 + [False] * 6),
                     **{k: batch[k].repeat_interleave(6, 0) for k in ('spectrogram', 'times')})
        expected = model.cls_head(model.backbone(clips))
    for task in TASKS:
        score = expected[task].softmax(-1).view(2, 6, -1).mean(1)
        for i in range(2):
            torch.testing.assert_close(whole[i].pred_score[task], score[i])
            torch.testing.assert_close(parts[i].pred_score[task], score[i])
    views['spectrogram'] = views['spectrogram'].repeat(1, 2, 1, 1, 1)
    with pytest.raises(InputError, match=r"different numbers of views, \{'video': 6, 'spectrogram': 2"):
        model(views, samples(), mode='loss')


def test_mixup_of_all_modalities_by_one_lambda():
    cfg = recognizer()['data_preprocessor']
    cfg['blending']['probs'] = 1.
    preprocessor = MODELS.build(cfg)
    torch.manual_seed(0)
    video, sound = torch.randint(0, 255, (2, 1, 3, 4, 8, 8)), torch.randn(2, 1, 1, 8, 12)
    times = torch.rand(2, 1, 2)
    data = dict(inputs=dict(imgs=[*video], spectrogram=[sound[0], torch.empty(0)], times=[*times]),
                data_samples=samples())
    out = preprocessor(copy.deepcopy(data), training=True)
    lam = out['data_samples'][0].gt_label['verb'][0]
    assert 0 < lam < 1
    clean = (video - 127) / 50
    torch.testing.assert_close(out['inputs']['imgs'][0], lam * clean[0] + (1 - lam) * clean[1])
    torch.testing.assert_close(out['inputs']['spectrogram'][0], lam * sound[0] / 4)  # the other one has none
    assert out['inputs']['spectrogram_mask'].all()  # both mixtures have some
    assert torch.equal(out['inputs']['times'], times)
    still = preprocessor(copy.deepcopy(data))
    assert still['inputs']['spectrogram_mask'].tolist() == [True, False]
    assert not still['inputs']['spectrogram'][1].any() and torch.equal(still['inputs']['times'], times)
    with pytest.raises(InputError, match='MixupBlending cannot blend several modalities'):
        MODELS.build({**cfg, 'blending': dict(type='MixupBlending', num_classes=2)})


def test_batches_without_a_side_input():
    """Silent videos have no times: where some or all lack them nothing is exchanged about these."""
    model, batch = build(recognizer()), inputs()
    silent = torch.tensor([True, False])
    some = model.backbone({**batch, 'times_mask': silent, 'spectrogram_mask': silent})
    for mask in (silent, torch.tensor([False, False])):
        given = {'video': batch['video'], 'times_mask': mask, 'spectrogram_mask': mask}
        if mask.any():
            times = batch['times'].masked_fill(~mask[:, None], 7.)
            given |= {'times': times, 'spectrogram': batch['spectrogram']}
        torch.testing.assert_close(model.backbone(given)['spatial'][1], some['spatial'][1])
    with pytest.raises(InputError, match="reads the side input 'times', but the batch has"):
        model.backbone({k: v for k, v in batch.items() if k != 'times'})

    cfg = recognizer()['data_preprocessor']
    cfg['blending']['probs'] = 1.
    data = dict(inputs=dict(imgs=[torch.zeros(1, 3, 4, 8, 8)] * 2, times=[torch.ones(1, 2), torch.empty(0)],
                            spectrogram=[torch.ones(1, 1, 8, 12), torch.empty(0)]), data_samples=samples())
    out = MODELS.build(cfg)(data, training=True)['inputs']
    assert out['times_mask'].all() and (out['times'] == 1).all()  # the mixture sounds as the first one does


def test_an_expert_alone_knows_masks():
    expert, batch = build(backbone()).experts['sound'], inputs()
    whole = expert(batch)['sound']
    part = expert({**batch, 'spectrogram_mask': torch.tensor([True, False])})['sound']
    assert torch.equal(part[0], whole[0]) and not part[1].any()
    assert not expert({'spectrogram_mask': torch.tensor([False, False])})['sound'].any()


def test_sharing_and_checkpoints(tmp_path):
    shared, apart = (build(recognizer(share=share)) for share in (('sound', ), ()))
    for name, model in (('shared', shared), ('apart', apart)):
        torch.save(dict(state_dict=model.state_dict()), tmp_path / f'{name}.pth')
    load_checkpoint(apart, str(tmp_path / 'shared.pth'), strict=True)
    torch.testing.assert_close(apart.backbone(inputs()), shared.backbone(inputs()))
    with pytest.raises(InputError, match='apart.pth belongs to a model that does not share .*down.sound'):
        load_checkpoint(shared, str(tmp_path / 'apart.pth'), strict=True)

    ema = MODELS.get('LearnableEMA')(shared, momentum=0.5)
    with torch.no_grad():
        for parameter in shared.parameters():
            parameter += parameter.requires_grad
    ema.update_parameters(shared)
    names = {k.removeprefix('module.') for k in ema.state_dict()} - {'steps'}
    learnable = {k for k, p in shared.named_parameters(remove_duplicate=False) if p.requires_grad}
    assert names == learnable and sum('t_sound.down.sound' in name for name in names) == 2
    for mistake in (dict(share=('spatial', 'sond')), dict(share=('sound', ), once=True)):
        cfg = backbone(share=mistake['share'])
        cfg['exchanges']['t_sound']['layers'] = [0] if mistake.get('once') else [1]
        with pytest.raises(InputError, match="but no block has two exchanges that can share"):
            MODELS.build(cfg)


@pytest.mark.parametrize('change, message', [
    (lambda cfg: cfg['exchanges']['video'].update(between=('spatial', 'spatial')), 'needs two experts'),
    (lambda cfg: cfg['exchanges']['video'].update(layers=[]), r'layers=\[\], but the 2 blocks'),
    (lambda cfg: cfg['exchanges']['video'].update(receivers=['spatial']), 'must be a dict of receiver'),
    (lambda cfg: cfg['experts']['sound'].update(normalize=dict(mean=[1.])), 'must have mean and std')])
def test_what_does_not_fit_is_named(change, message):
    cfg = backbone()
    change(cfg)
    with pytest.raises(InputError, match=message):
        MODELS.build(cfg)


def test_sizes_are_checked_before_anything_changes():
    video = dict(img_size=32, patch_size=16, num_frames=4, depth=1, num_heads=2, embed_dims=16)
    model = MODELS.build(dict(
        type='MultiExpertViT', experts=dict(a=dict(type='CLIPExpert', **video),
                                            b=dict(type='VideoMAEExpert', modality='other', **video)),
        exchanges=dict(lateral=dict(type='Lateral'))))
    with pytest.raises(InputError, match='a lateral connection needs equal grids'):
        model.set_input_size((4, 64, 64))
    assert model.experts['a'].grid == (2, 2, 2)


def test_a_recognizer_without_a_head():
    cfg = recognizer()
    del cfg['cls_head']
    assert set(build(cfg).backbone(inputs())) == {'sound', 'spatial', 'temporal'}
