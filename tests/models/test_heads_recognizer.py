import copy

import pytest
import torch
from conftest import build_tiny

from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from projects.cast.models import FusedHead, VerbNounHead
from projects.cast.utils import InputError


def samples(*labels):
    return [ActionDataSample().set_gt_label(label) for label in labels]


def test_verb_noun_loss_by_hand():
    head = VerbNounHead(dict(verb=3, noun=4), in_channels=2, label_smooth_eps=0.1, topk=(1, ))
    scores = dict(verb=torch.tensor([[1., 2., 0.]]), noun=torch.tensor([[0., 0., 1., 3.]]))
    losses = head.loss_by_feat(scores, samples([1, 2]))
    for task, label in (('verb', 1), ('noun', 2)):
        target = torch.full_like(scores[task], 0.1 / scores[task].shape[1])
        target[0, label] += 0.9
        expected = -(target * scores[task].log_softmax(-1)).sum()
        torch.testing.assert_close(losses[f'loss_{task}'], expected)
    assert losses['verb_top1'] == 100 and losses['noun_top1'] == 0


def test_verbs_read_the_temporal_and_nouns_the_spatial_feature():
    head = VerbNounHead(dict(verb=3, noun=4), in_channels=8)
    x = {name: torch.randn(2, 8, requires_grad=True) for name in ('spatial', 'temporal')}
    head(x)['verb'].sum().backward()
    assert x['spatial'].grad is None and x['temporal'].grad.any()


def test_a_hidden_layer_combines_what_a_linear_head_only_adds():
    """The change of the logits by one feature depends on the other only with a hidden layer."""
    both = ('spatial', 'temporal')
    a, b = ({name: torch.randn(2, 8) for name in both} for _ in range(2))
    for hidden, additive in ((0, True), (16, False)):
        head = VerbNounHead(
            dict(verb=3, noun=4), 8, dict.fromkeys(('verb', 'noun'), both), 'concat', hidden_channels=hidden)
        head.init_weights()
        for p in head.parameters():
            torch.nn.init.normal_(p)
        change = [head(dict(spatial=a['spatial'], temporal=y['temporal']))['verb']
                  - head(dict(spatial=b['spatial'], temporal=y['temporal']))['verb'] for y in (a, b)]
        assert torch.allclose(*change, atol=1e-4) == additive
    by_hand = torch.nn.functional.gelu(torch.cat([a[n] for n in both], 1) @ head.fc_cls['noun'][0].weight.T
                                       + head.fc_cls['noun'][0].bias)
    torch.testing.assert_close(head(a)['noun'], head.fc_cls['noun'][2](by_hand))


def test_fused_head_is_eq_6():
    head = FusedHead(5, 8)
    for p in head.parameters():
        torch.nn.init.normal_(p)
    x = {name: torch.randn(2, 8) for name in ('spatial', 'temporal')}
    z = sum(head.adapters[n].up(torch.nn.functional.gelu(head.adapters[n].down(x[n]))) for n in x)
    torch.testing.assert_close(head(x), head.fc_cls(z))


def adapted(adapter, x, quick=False):
    """``ADAP(x)``, written out."""
    h = x @ adapter.down.weight.T + adapter.down.bias
    h = h * torch.sigmoid(1.702 * h) if quick else torch.nn.functional.gelu(h)
    return h @ adapter.up.weight.T + adapter.up.bias


def listening(**kwargs):
    """A head with random weights, and features of three experts."""
    torch.manual_seed(0)
    head = MODELS.build(dict(in_channels=8, **kwargs))
    for p in head.parameters():
        torch.nn.init.normal_(p)
    return head, {name: torch.randn(2, 8) for name in ('spatial', 'temporal', 'audio')}


def test_the_heads_of_ca2st():
    """Section 6: sums of adapted features without a skip; audio has its own adapter for each task."""
    head, x = listening(type='FusedHead', num_classes=5, experts=('spatial', 'temporal', 'audio'),
                        quick_gelu=('audio', ))
    z = sum(adapted(head.adapters[name], x[name], name == 'audio') for name in x)
    torch.testing.assert_close(head(x), head.fc_cls(z))
    head, x = listening(type='AdaptedTaskHead', num_classes=dict(noun=7, verb=5), quick_gelu=('audio', ),
                        experts=dict(verb=('temporal', 'audio'), noun=('spatial', 'audio')))
    scores = head(x)
    for task, own in (('verb', 'temporal'), ('noun', 'spatial')):
        adapters = head.adapters[task]
        z = adapted(adapters[own], x[own]) + adapted(adapters['audio'], x['audio'], quick=True)
        torch.testing.assert_close(scores[task], head.fc_cls[task](z))


def test_the_heads_of_cava():
    """Section 6: with a skip; both tasks read the same sum."""
    pair = ('spatial', 'audio')
    for kwargs in (dict(type='FusedHead', num_classes=5, experts=pair),
                   dict(type='AdaptedTaskHead', num_classes=dict(verb=5, noun=7), share_adapters=True,
                        experts=dict(verb=pair, noun=pair))):
        head, x = listening(skip=True, **kwargs)
        z = sum(x[name] + adapted(head.adapters[name], x[name]) for name in pair)
        scores = head(x)
        for task, score in (scores.items() if isinstance(scores, dict) else [('', scores)]):
            torch.testing.assert_close(score, (head.fc_cls[task] if task else head.fc_cls)(z))


def test_heads_that_do_not_fit():
    widths = dict(spatial=8, temporal=8, audio=4)
    with pytest.raises(InputError, match='cannot be added without adapters that have no skip'):
        MODELS.build(dict(type='FusedHead', num_classes=5, in_channels=widths, experts=[*widths], skip=True))
    with pytest.raises(InputError, match=r"quick_gelu=\['sound'\] must be among the experts"):
        MODELS.build(dict(type='FusedHead', num_classes=5, in_channels=8, quick_gelu=('sound', )))
    with pytest.raises(InputError, match="fusion='concat' does not fit"):
        MODELS.build(dict(type='AdaptedTaskHead', in_channels=8, fusion='concat'))
    with pytest.raises(InputError, match='share adapters need the same experts'):
        MODELS.build(dict(type='AdaptedTaskHead', in_channels=8, share_adapters=True))
    with pytest.raises(InputError, match=r"quick_gelu=\['sound'\] must be among the experts"):
        MODELS.build(dict(type='AdaptedTaskHead', in_channels=8, quick_gelu=('sound', )))
    head = MODELS.build(dict(type='AdaptedTaskHead', num_classes=dict(verb=5, noun=7), in_channels=widths,
                             experts=dict(verb=('temporal', 'audio'), noun=('audio', 'spatial'))))
    scores = head({name: torch.randn(2, width) for name, width in widths.items()})  # adapters change widths
    assert {task: tuple(s.shape) for task, s in scores.items()} == {'verb': (2, 5), 'noun': (2, 7)}


def test_loss_and_predict_modes_with_views():
    model = build_tiny(head=dict(
        type='VerbNounHead', num_classes=dict(verb=5, noun=7), in_channels=48, average_clips='prob'))
    views = torch.randn(2, 3, 3, 4, 32, 32)  # two samples of three views
    model.eval()
    with torch.no_grad():
        predictions = model(views, samples([0, 0], [1, 1]), mode='predict')
        logits = model.cls_head(model.backbone(views.flatten(0, 1)))
        expected = logits['noun'].softmax(-1).view(2, 3, 7).mean(1)
        for i, prediction in enumerate(predictions):
            assert prediction.pred_score.keys() == {'verb', 'noun'}
            torch.testing.assert_close(prediction.pred_score['noun'], expected[i])
            assert prediction.pred_label['noun'] == expected[i].argmax()
        model.test_cfg = dict(max_testing_views=2)  # parts of views, batch of two: the same
        again = model(views, samples([0, 0], [1, 1]), mode='predict')
        torch.testing.assert_close(again[1].pred_score['noun'], expected[1])
        assert model(views, mode='tensor', stage='head')['verb'].shape == (6, 5)
    losses = model(views[:, :1], samples([0, 0], [1, 1]), mode='loss')
    assert {'loss_verb', 'loss_noun', 'verb_top1', 'noun_top5'} <= losses.keys()


ONE = dict(type='FusedHead', num_classes=3, in_channels=48, experts=('spatial', ), average_clips='prob')


def test_M4_a_head_that_reads_one_expert_trains_in_ddp(tmp_path):
    model, views = build_tiny(head=ONE), torch.randn(2, 1, 3, 4, 32, 32)
    torch.distributed.init_process_group('gloo', f'file://{tmp_path}/store', rank=0, world_size=1)
    try:
        ddp = torch.nn.parallel.DistributedDataParallel(model)
        for _ in range(2):  # the second step waits for all gradients of the first
            ddp(views, samples(0, 1), mode='loss')['loss_cls'].backward()
    finally:
        torch.distributed.destroy_process_group()


@pytest.mark.parametrize('head', [None, ONE, dict(type='EnsembleVerbNounHead', in_channels=48)])
@pytest.mark.parametrize('backbone', [
    dict(with_cp=True, drop_path_rate=0.5), dict(plain=True), dict(windows=dict(spatial='time'))], ids=str)
def test_M4_autograd_says_what_reaches_no_score(head, backbone):
    """As the gradients of a step do; and being asked leaves no trace."""
    model = build_tiny(head=head, **backbone).train()
    before, modes = torch.get_rng_state(), [m.training for m in model.modules()]
    low = copy.deepcopy(model).bfloat16()
    dead = model._ddp_params_and_buffers_to_ignore
    assert torch.equal(torch.get_rng_state(), before) and [m.training for m in model.modules()] == modes
    assert all(p.grad is None for p in model.parameters())
    assert low._ddp_params_and_buffers_to_ignore == dead
    scores = model.cls_head(model.backbone(torch.randn(2, 3, 4, 32, 32)))
    sum(s.sum() for s in (scores.values() if isinstance(scores, dict) else [scores])).backward()
    assert dead == [n for n, p in model.named_parameters() if p.requires_grad and p.grad is None]


def test_checkpoint_of_another_model(tmp_path):
    from mmengine.runner import load_checkpoint
    model, other = build_tiny(), build_tiny(width=64)
    path = tmp_path / 'other.pth'
    torch.save(dict(state_dict=other.state_dict()), path)
    with pytest.raises(ValueError, match='other.pth.*wrong shape.*release_checkpoint'):
        load_checkpoint(model, str(path))
    torch.save(dict(state_dict=dict(weight=torch.zeros(1))), path)
    with pytest.raises(ValueError, match='other.pth.*missing.*1 extra'):
        load_checkpoint(model, str(path))


def test_checkpoint_without_a_head_is_for_fine_tuning(tmp_path):
    from mmengine.runner import load_checkpoint
    source, model = build_tiny(), build_tiny(randomise=False)
    path = tmp_path / 'headless.pth'
    torch.save({k: v for k, v in source.state_dict().items() if not k.startswith('cls_head')}, path)
    before = model.cls_head.fc_cls.verb.weight.clone()
    load_checkpoint(model, str(path))
    assert torch.equal(model.backbone.exchanges[0]['b_cast'].up.spatial.weight,
                       source.backbone.exchanges[0]['b_cast'].up.spatial.weight)
    assert torch.equal(model.cls_head.fc_cls.verb.weight, before)


FUSED = dict(type='FusedHead', num_classes=5, in_channels=48, label_smooth_eps=0.1)


@pytest.mark.parametrize('head', [FUSED, None])
def test_N1_bf16_training_with_hard_labels(head):
    """Loss and top-k accuracy come from scores in float32."""
    from mmaction.registry import OPTIM_WRAPPERS
    model = build_tiny(head=head)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 1e-2)
    wrapper = OPTIM_WRAPPERS.build(dict(type='BF16OptimWrapper', optimizer=optimizer))
    clips = [torch.randint(256, (1, 3, 4, 32, 32), dtype=torch.uint8) for _ in range(2)]
    labels = ([1], [4]) if head else ([1, 2], [3, 4])
    losses = model.train_step(dict(inputs=clips, data_samples=samples(*labels)), wrapper)
    assert losses['loss'].dtype == torch.float32
    names = ('top1_acc', 'top5_acc') if head else ('verb_top1', 'noun_top5')
    assert all(losses[name] in (0, 50, 100) for name in names)  # percent, of two samples


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
@pytest.mark.parametrize('head', [FUSED, None])
def test_minor4_the_whole_recognizer_in_half_precision(dtype, head):
    model, low = build_tiny(head=head).eval(), build_tiny(head=head).to(dtype).eval()
    views = torch.randint(256, (2, 3, 4, 32, 32), dtype=torch.uint8)
    batch = dict(inputs=[views], data_samples=samples([0, 0]))
    with torch.no_grad():
        expected, got = (m.test_step(dict(batch))[0].pred_score for m in (model, low))
    for a, b in zip(*(s.values() if isinstance(s, dict) else [s] for s in (expected, got))):
        assert b.dtype == torch.float32
        torch.testing.assert_close(b, a, rtol=0.2, atol=0.02)


@pytest.mark.parametrize('head', [FUSED, None])
def test_minor2_several_clips_of_a_video_in_training(head):
    """Each clip counts as a sample with the label of its video."""
    model = build_tiny(head=head)
    clips, labels = torch.randn(2, 3, 3, 4, 32, 32), ([1], [4]) if head else ([1, 2], [3, 4])
    losses = model(clips, samples(*labels), mode='loss')
    apart = model(clips.flatten(0, 1).unsqueeze(1), samples(*(label for label in labels for _ in range(3))),
                  mode='loss')
    assert losses.keys() == apart.keys()
    for name, value in losses.items():
        torch.testing.assert_close(value, apart[name])


@pytest.mark.parametrize('head', [dict(type='FusedHead', num_classes=5, in_channels=48),
                                  dict(type='VerbNounHead', in_channels=48)])
def test_M11_views_are_averaged_by_default(head):
    head.pop('average_clips', None)
    model = build_tiny(head=head).eval()
    with torch.no_grad():
        score = model(torch.randn(1, 3, 3, 4, 32, 32), samples([0, 0]), mode='predict')[0].pred_score
    for s in score.values() if isinstance(score, dict) else [score]:
        assert s.ndim == 1
        torch.testing.assert_close(s.sum(), torch.tensor(1.))


def test_N6_one_task_for_tools_that_know_one_label():
    head = dict(type='VerbNounHead', num_classes=dict(verb=5, noun=7), in_channels=48)
    model, views = build_tiny(head=head).eval(), torch.randn(1, 2, 3, 4, 32, 32)
    with torch.no_grad():
        both = model(views, samples([1, 2]), mode='predict')[0]
        model.test_cfg = dict(task='noun')
        noun = model(views, samples([1, 2]), mode='predict')[0]
        assert torch.equal(noun.pred_score, both.pred_score['noun'])
        assert noun.gt_label.tolist() == [2] and noun.pred_label.tolist() == [both.pred_label['noun']]
        model.test_cfg = dict(task='nuon')
        with pytest.raises(InputError, match=r"test_cfg.task='nuon': the tasks are \['verb', 'noun'\]"):
            model(views, samples([1, 2]), mode='predict')
