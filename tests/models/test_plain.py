"""The plain implementation and activation checkpointing compute the same."""
import pytest
import torch
from conftest import build_tiny


def gradients(clip, **backbone):
    model = build_tiny(**backbone)
    scores = model.train().cls_head(model.backbone(clip))
    sum(s.square().mean() for s in scores.values()).backward()
    return scores, {k: p.grad for k, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize('backbone', [
    dict(plain=True), dict(with_cp=True), dict(plain=True, with_cp=True)], ids=str)
def test_same_results_and_gradients(backbone):
    torch.manual_seed(0)
    clip = torch.randn(2, 3, 4, 64, 64)
    expected, expected_grads = gradients(clip)
    scores, grads = gradients(clip, **backbone)
    for task in scores:
        torch.testing.assert_close(scores[task], expected[task], rtol=1e-4, atol=1e-5)
    assert grads.keys() >= expected_grads.keys()
    for name, grad in grads.items():  # what reaches no output is computed by the plain one, in vain
        expected = expected_grads.get(name, torch.zeros_like(grad))
        torch.testing.assert_close(grad, expected, rtol=1e-3, atol=1e-5)


def test_plain_does_not_fuse(monkeypatch):
    """Neither the forward nor, with checkpointing, the backward pass calls fused attention."""
    import projects.cast.models.tokens as tokens
    calls = []
    fused = tokens._attend
    monkeypatch.setattr(tokens, '_attend', lambda *qkv: calls.append(1) or fused(*qkv))
    clip = torch.randn(1, 3, 4, 32, 32)
    gradients(clip, plain=True, with_cp=True)
    assert not calls
    gradients(clip)
    assert len(calls) == 2 * 2 + 3  # self-attention twice in two blocks; T2S only in the first


def test_checkpointing_keeps_drop_path():
    """The random state is the same when a block is computed again."""
    clip = torch.randn(2, 3, 4, 32, 32)
    results = []
    for with_cp in (False, True):
        model = build_tiny(drop_path_rate=0.5, with_cp=with_cp).backbone.train()
        torch.manual_seed(3)
        model(clip)['spatial'].sum().backward()
        results.append({k: p.grad for k, p in model.named_parameters() if p.grad is not None})
    for name, grad in results[0].items():
        torch.testing.assert_close(results[1][name], grad)


def test_compiles_without_graph_breaks():
    model = build_tiny().backbone.eval()
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile(model, fullgraph=True, backend=backend)
    with torch.inference_mode():
        for batch in (1, 2, 3, 4):
            clip = torch.randn(batch, 3, 4, 32, 32)
            torch.testing.assert_close(compiled(clip)['spatial'], model(clip)['spatial'])
    assert len(graphs) <= 3  # batch 1, batch 2, and any other
