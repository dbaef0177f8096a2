"""The plain implementation, activation checkpointing and bfloat16 compute the same."""
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.nn.functional as F
from conftest import build_tiny
from torch.utils.flop_counter import FlopCounterMode

from projects.cast.models import CrossAttention
from projects.cast.models.layers import Adapter, Tokens, efficient
from projects.cast.models.layers.efficient import dot_product_attention, materialised, quick_gelu


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
    calls = []
    fused = F.scaled_dot_product_attention
    monkeypatch.setattr(F, 'scaled_dot_product_attention', lambda *qkv: calls.append(1) or fused(*qkv))
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


def kept(function, *args):
    """Elements of the activations that a forward pass keeps for its backward pass."""
    storages = {}
    parameters = {p.data_ptr() for p in getattr(function, 'parameters', tuple)()}

    def pack(x):
        if x.data_ptr() not in parameters:
            storages[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes() // x.element_size()
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        results = function(*args)
    return sum(storages.values()), results  # results hold the storages, so that none is used twice


def test_an_adapter_does_not_keep_its_gelu():
    adapter = Adapter(8, ratio=2.)
    torch.nn.init.normal_(adapter.up.weight)
    x = torch.randn(5, 8, requires_grad=True)
    cheap, y = kept(adapter, x)
    adapter.plain = True
    written_out, expected = kept(adapter, x)
    assert (cheap, written_out) == (5 * (8 + 16), 5 * (8 + 16 + 16))
    grads, expected_grads = (torch.autograd.grad(r.square().sum(), [x, *adapter.parameters()])
                             for r in (y, expected))
    torch.testing.assert_close(grads, expected_grads)


def test_an_exchange_does_not_keep_sums_with_positions():
    grid = (2, 2, 2)
    cross = CrossAttention(8, 2, 'space', grid, grid)
    query, context = (Tokens(torch.randn(1, 2, 4, 8, requires_grad=True), grid) for _ in range(2))
    cheap, _ = kept(cross, query, context)
    tables, cross.tables = cross.tables, torch.nn.ModuleDict()
    assert kept(cross, query, context)[0] == cheap  # they cost nothing
    cross.tables = tables
    cross.plain = True
    assert kept(cross, query, context)[0] > cheap


def test_nothing_but_gelu_is_computed_again():
    """The products of a training step are those of plain."""
    adapter, x = Adapter(8, ratio=2.), torch.randn(5, 8, requires_grad=True)
    counts = []
    for adapter.plain in (False, True):
        with FlopCounterMode(display=False) as counter:
            adapter(x).sum().backward()
        counts.append(counter.get_total_flops())
    assert counts[0] == counts[1] == 3 * 2 * (5 * 8 * 16 + 5 * 16 * 8)


def test_training_keeps_less_than_plain():
    clip = torch.randn(1, 3, 4, 64, 64)
    cheap, written_out = (kept(build_tiny(plain=on).backbone.train(), clip)[0] for on in (False, True))
    assert cheap < 0.66 * written_out


def test_quick_gelu():
    x = torch.randn(50, dtype=torch.float64, requires_grad=True)
    before = x.detach().clone()
    y = quick_gelu(x)
    torch.testing.assert_close(y, before * torch.sigmoid(1.702 * before))
    assert torch.equal(x, before)
    assert torch.autograd.gradcheck(quick_gelu, x)


@pytest.mark.parametrize('shape', [(1, 40, 3, 16), (5, 7, 2, 8)], ids=str)
def test_attention_in_bf16(shape, monkeypatch):
    """On a CPU that prefers it head by head it is the fused function only where a gradient is wanted."""
    monkeypatch.setattr(efficient, 'prefers_by_head', lambda: True)
    torch.manual_seed(0)
    q, k, v = (torch.randn(shape).transpose(1, 2) for _ in range(3))
    low = [x.bfloat16() for x in (q, k, v)]
    fused = F.scaled_dot_product_attention(*low)
    assert torch.equal(dot_product_attention(*low), fused)
    with torch.no_grad(), monkeypatch.context() as other:
        other.setattr(efficient, 'prefers_by_head', lambda: False)
        assert torch.equal(dot_product_attention(*low), fused)
        torch.testing.assert_close(fused.float(), materialised(q, k, v), rtol=0.02, atol=0.02)
    monkeypatch.setattr(F, 'scaled_dot_product_attention', None)
    with torch.no_grad():
        found = dot_product_attention(*low).float()
        torch.testing.assert_close(found, materialised(q, k, v), rtol=0.02, atol=0.02)
    with pytest.raises(TypeError):
        dot_product_attention(*low)


@pytest.mark.parametrize('faster', [efficient.by_head, F.scaled_dot_product_attention])
def test_the_cpu_is_measured_once(faster, monkeypatch):
    calls = []
    monkeypatch.setattr(
        efficient, 'seconds', lambda way, *_: calls.append(way) or (1. if way is faster else 2.))
    efficient.prefers_by_head.cache_clear()
    state = torch.random.get_rng_state()
    assert [efficient.prefers_by_head() for _ in range(2)] == 2 * [faster is efficient.by_head]
    assert len(calls) == 6 and torch.equal(torch.random.get_rng_state(), state)
    efficient.prefers_by_head.cache_clear()


@pytest.mark.parametrize('apart', [False, True])
def test_a_compiler_does_not_trace_the_measurement(apart, monkeypatch):
    monkeypatch.setattr(efficient, 'seconds', lambda way, *_: float((way is efficient.by_head) != apart))
    efficient.prefers_by_head.cache_clear()
    low = [torch.randn(1, 2, 5, 8).bfloat16() for _ in range(3)]
    with torch.no_grad():
        compiled = torch.compile(dot_product_attention, fullgraph=True, backend='eager')(*low)
        assert torch.equal(compiled, dot_product_attention(*low))
    efficient.prefers_by_head.cache_clear()
    torch._dynamo.reset()


def test_minor14_a_plain_and_a_normal_model_do_not_disturb_each_other(monkeypatch):
    """The plain one goes on with its first block while the normal one is in the middle of its own."""
    plain, normal = build_tiny(plain=True).backbone, build_tiny().backbone
    in_plain, in_normal, plain_done = threading.Event(), threading.Event(), threading.Event()
    for model, here, there in ((plain, in_plain, in_normal), (normal, in_normal, plain_done)):
        model.exchanges[0].b_cast.register_forward_pre_hook(
            lambda *_, here=here, there=there: here.set() or there.wait(20) and None)
    clip, callers, fused = torch.randn(1, 3, 2, 16, 16), set(), F.scaled_dot_product_attention
    monkeypatch.setattr(F, 'scaled_dot_product_attention',
                        lambda *qkv: callers.add(threading.current_thread().name) or fused(*qkv))
    with ThreadPoolExecutor(1, 'plain') as one, ThreadPoolExecutor(1, 'normal') as other:
        first = one.submit(plain, clip)
        in_plain.wait(20)
        second = other.submit(normal, clip)
        first.result()
        plain_done.set()
        second.result()
    assert callers == {'normal_0'}


def test_inference_in_bf16():
    model = build_tiny().backbone.eval()
    clip = torch.randn(2, 3, 4, 64, 64)
    with torch.inference_mode():
        expected = model(clip)
        low = model.bfloat16()(clip)
    for name, feature in low.items():
        assert feature.dtype == torch.float32 and not torch.equal(feature, expected[name])
        torch.testing.assert_close(feature, expected[name], rtol=0, atol=0.01)


@pytest.mark.parametrize('with_cp', [False, True])
def test_a_training_step_compiles_without_graph_breaks(with_cp):
    model = build_tiny(with_cp=with_cp).backbone.train()
    clip = torch.randn(2, 3, 4, 32, 32)
    results = []
    for forward in (model, torch.compile(model, fullgraph=True, backend='aot_eager')):
        sum(f.square().sum() for f in forward(clip).values()).backward()
        results.append({k: p.grad for k, p in model.named_parameters() if p.grad is not None})
        model.zero_grad()
    for name, grad in results[0].items():
        torch.testing.assert_close(results[1][name], grad, rtol=1e-3, atol=1e-5)
