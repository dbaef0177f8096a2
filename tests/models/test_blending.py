"""Mixup and the losses of mixed labels, computed by hand."""
import pytest
import torch
from conftest import build_tiny

from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample

CLASSES = dict(verb=3, noun=4)
HEAD = dict(type='VerbNounHead', num_classes=CLASSES, in_channels=48, label_smooth_eps=0.1)


def batch():
    torch.manual_seed(0)
    samples = [ActionDataSample().set_gt_label(label) for label in ([0, 1], [2, 3], [1, 0])]
    return torch.randn(3, 1, 3, 4, 8, 8), samples


def one_hot(label, size):
    return [float(i == label) for i in range(size)]


def test_verb_and_noun_are_mixed_with_the_reverse_by_one_lambda():
    imgs, samples = batch()
    augment = MODELS.build(dict(
        type='VerbNounBatchAugment', augments=dict(type='ReverseMixup', alpha=0.8), probs=1.,
        num_classes=CLASSES))
    mixed, out = augment(imgs.clone(), samples)
    lam = out[0].gt_label['verb'][0]  # sample 0 has verb 0, its partner has not
    assert 0 < lam < 1
    torch.testing.assert_close(mixed[0], lam * imgs[0] + (1 - lam) * imgs[2])
    torch.testing.assert_close(mixed[1], imgs[1])  # the middle one is its own partner
    for sample, on, off in ((out[0], lam, 1 - lam), (out[2], 1 - lam, lam)):
        torch.testing.assert_close(sample.gt_label, dict(
            verb=torch.tensor([on, off, 0]), noun=torch.tensor([off, on, 0, 0])))


def test_probability_of_mixing():
    torch.manual_seed(0)
    augment = MODELS.build(dict(
        type='VerbNounBatchAugment', augments=dict(type='ReverseMixup'), probs=0.9, num_classes=CLASSES))
    left_alone = sum(torch.equal(augment(*(pair := batch()))[0], pair[0]) for _ in range(400))
    assert 20 <= left_alone <= 60
    assert augment.augments[0].beta.concentration1 == 0.8


def test_single_label_mixup():
    imgs, _ = batch()
    samples = [ActionDataSample().set_gt_label(i) for i in (0, 1, 2)]
    augment = MODELS.build(dict(
        type='RandomBatchAugment', augments=dict(type='ReverseMixup', num_classes=3), probs=1.))
    mixed, out = augment(imgs.clone(), samples)
    lam = out[0].gt_label[0]
    torch.testing.assert_close(out[0].gt_label, torch.stack([lam, 0 * lam, 1 - lam]))
    torch.testing.assert_close(mixed[2], lam * imgs[2] + (1 - lam) * imgs[0])


@pytest.mark.parametrize('lam', [0.3, 1.])
def test_losses_of_mixed_labels(lam):
    head = build_tiny(head=HEAD).cls_head
    features = {name: torch.randn(2, 48) for name in ('spatial', 'temporal')}
    labels, losses = [(0, 3), (2, 1)], {}
    if lam < 1:
        both = dict(verb=torch.tensor([one_hot(v, 3) for v, _ in labels]),
                    noun=torch.tensor([one_hot(n, 4) for _, n in labels]))
        mixed = {task: lam * label + (1 - lam) * label.flip(0) for task, label in both.items()}
        targets = [{task: label[i] for task, label in mixed.items()} for i in range(2)]
    else:
        targets = [dict(verb=v, noun=n) for v, n in labels]
    losses = head.loss(features, [ActionDataSample(gt_label=t) for t in targets])
    for k, (task, expert, size) in enumerate([('verb', 'temporal', 3), ('noun', 'spatial', 4)]):
        off, on = 0.1 / size, 1 - 0.1 + 0.1 / size
        smooth = torch.tensor([[on if c == label[k] else off for c in range(size)] for label in labels])
        target = lam * smooth + (1 - lam) * smooth.flip(0)
        log_p = head.fc_cls[task](features[expert]).log_softmax(-1)
        torch.testing.assert_close(losses[f'loss_{task}'], -(target * log_p).sum(-1).mean())
    assert ('verb_top1' in losses) == (lam == 1)


def test_cutmix_is_an_option():
    imgs, samples = batch()
    augments = [dict(type='ReverseMixup', alpha=0.8), dict(type='CutmixBlending', alpha=1., num_classes=0)]
    augment = MODELS.build(dict(
        type='VerbNounBatchAugment', augments=augments, probs=[0., 1.], num_classes=CLASSES))
    _, out = augment(imgs, samples)
    for sample in out:
        for label in sample.gt_label.values():
            torch.testing.assert_close(label.sum(), torch.tensor(1.))
