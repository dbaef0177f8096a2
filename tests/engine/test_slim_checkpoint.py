"""Checkpoints without the frozen experts."""
import hashlib
from types import SimpleNamespace

import pytest
import torch
from conftest import build_tiny, load_tool, tiny_config
from mmengine import Config
from mmengine.runner import load_checkpoint

from mmaction.registry import MODELS
from projects.cast.checkpoints import digest
from projects.cast.engine import SlimCheckpointHook


@pytest.fixture
def files(tmp_path):
    """A config whose experts have files, a trained checkpoint, and its slim form."""
    source = build_tiny()
    cfg = tiny_config()
    for name, expert in cfg['backbone']['experts'].items():
        expert['checkpoint'] = str(tmp_path / f'{name}.pth')
        torch.save(source.backbone.experts[name].tower.state_dict(), expert['checkpoint'])
    Config(dict(model=cfg, custom_imports=dict(imports=['projects.cast']))).dump(tmp_path / 'config.py')
    for expert in source.backbone.experts.values():  # the last norm learns: it differs from the file's
        expert.post_norm.weight.data += 1
    whole, slim = str(tmp_path / 'whole.pth'), str(tmp_path / 'slim.pth')
    torch.save(dict(state_dict=source.state_dict(), meta=dict(epoch=3)), whole)
    load_tool('convert/slim_checkpoint.py').convert(str(tmp_path / 'config.py'), whole, slim)
    return tmp_path, cfg, whole, slim, source.state_dict()


def test_slim_holds_what_learns_and_loads_back_strictly(files):
    root, cfg, whole, slim, state = files
    stored = torch.load(slim, weights_only=True)
    model = MODELS.build(cfg)
    assert set(stored['state_dict']) == {k for k, p in model.named_parameters() if p.requires_grad}
    assert stored['meta']['epoch'] == 3 and set(stored['meta']['experts']) == {'spatial', 'temporal'}
    load_checkpoint(model, slim, strict=True)  # experts never loaded before: as tools/test.py does it
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())

    back = str(root / 'back.pth')
    load_tool('convert/slim_checkpoint.py').convert(str(root / 'config.py'), slim, back, reverse=True)
    again = torch.load(back, weights_only=True)['state_dict']
    assert list(again) == list(state) and all(torch.equal(again[k], v) for k, v in state.items())


def test_slim_with_other_experts_is_refused(files):
    root, cfg, whole, slim, state = files
    other = build_tiny(randomise=False)
    torch.save(other.backbone.experts['temporal'].tower.state_dict(), root / 'temporal.pth')
    with pytest.raises(ValueError, match="slim.pth was trained with another expert 'temporal' than .*temp"):
        load_checkpoint(MODELS.build(cfg), slim)
    cfg['backbone']['experts']['spatial']['checkpoint'] = None
    with pytest.raises(ValueError, match="another expert 'spatial' than None; set .*spatial.checkpoint"):
        load_checkpoint(MODELS.build(cfg), slim)


def test_a_slim_checkpoint_without_head_starts_a_model_of_more_experts(files):
    root, cfg, whole, slim, state = files
    stored, third = torch.load(slim, weights_only=True), build_tiny().backbone.experts['spatial'].tower
    stored['state_dict'] = {k: v for k, v in stored['state_dict'].items() if not k.startswith('cls_head.')}
    torch.save(stored, root / 'headless.pth')
    torch.save(third.state_dict(), root / 'third.pth')
    experts = cfg['backbone']['experts']
    experts['third'] = dict(experts['spatial'], checkpoint=str(root / 'third.pth'))
    for exchange in cfg['backbone']['exchanges'].values():
        exchange['between'] = ('spatial', 'temporal')
    model = MODELS.build(cfg)
    load_checkpoint(model, str(root / 'headless.pth'))
    found = model.state_dict()
    assert all(torch.equal(found[k], v) for k, v in state.items() if not k.startswith('cls_head.'))
    prefix = 'backbone.experts.third.tower.'
    assert all(torch.equal(found[prefix + k], v) for k, v in third.state_dict().items())


@pytest.mark.parametrize('positions', [False, True])
def test_minor9_fingerprints_do_not_depend_on_the_input_size(files, positions):
    """They are of what the file holds; those of version 0.1, with positions, hold for the native size."""
    root, cfg, whole, slim, state = files
    if positions:
        stored, model = torch.load(slim, weights_only=True), MODELS.build(cfg)
        load_checkpoint(model, whole)
        stored['meta']['experts'] = model.fingerprints(positions=True)
        torch.save(stored, slim)
        load_checkpoint(MODELS.build(cfg), slim)
    else:
        for expert in cfg['backbone']['experts'].values():
            expert['img_size'] = 160
        model = MODELS.build(cfg)
        model.init_weights()
        assert model.fingerprints() == torch.load(slim, weights_only=True)['meta']['experts']


def test_minor9_fingerprints_of_any_dtype():
    state = dict(a=torch.randn(3, 4), b=torch.tensor(2))
    sha = hashlib.sha256(b'a' + state['a'].numpy().tobytes() + b'b' + state['b'].numpy().tobytes())
    assert digest(state) == digest({**state, 'c': state['a']}, ['c']) == sha.hexdigest()
    low = dict(state, a=state['a'].bfloat16())
    assert digest(low) != digest(state) and digest(low) == digest({**low})


def test_hook_writes_what_the_tool_writes(files):
    root, cfg, whole, slim, state = files
    model = MODELS.build(cfg)
    load_checkpoint(model, whole)
    hook, runner = SlimCheckpointHook(), SimpleNamespace(model=model)
    hook.before_train(runner)
    checkpoint = dict(state_dict=model.state_dict(), meta=dict(epoch=3), optimizer={})
    hook.before_save_checkpoint(runner, checkpoint)
    stored = torch.load(slim, weights_only=True)
    assert checkpoint['meta'] == stored['meta'] and set(checkpoint) == {'state_dict', 'meta', 'optimizer'}
    assert all(torch.equal(checkpoint['state_dict'][k], v) for k, v in stored['state_dict'].items())
    assert len(checkpoint['state_dict']) == len(stored['state_dict'])


def test_full_size_share():
    """What remains of the EK100 model: the learnable parameters, a fifth."""
    from test_configs import MAIN
    model = MODELS.build(Config.fromfile(MAIN[1]).model)
    kept = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert kept / sum(p.numel() for p in model.parameters()) < 0.25
