"""Experts beyond the first two, and swapped roles, against the libraries' own forward passes."""
import pytest
import timm
import torch
from conftest import build_tiny

from mmaction.registry import MODELS
from projects.cast.models import AIMExpert, CLIPExpert, TimmExpert, VideoMAEExpert
from projects.cast.models.layers import attention
from projects.cast.utils import InputError

TIMM = {
    'in21k': ('vit_base_patch16_224.augreg_in21k', {}),
    'layer scale, registers, patches pooled': ('vit_medium_patch16_reg4_gap_256', dict(init_values=0.5)),
    'eva': ('eva02_base_patch16_clip_224', {}),
    'eva with layer scale': ('eva02_base_patch16_clip_224', dict(init_values=0.5)),
    'attention pooling': ('vit_base_patch16_siglip_224', {}),
    'attention pooling, eva': ('vit_pe_core_base_patch16_224', dict(attn_pool_num_heads=4)),
    'patches pooled behind the norm': ('vit_small_patch16_dinov3', {}),
    'distilled': ('deit_small_distilled_patch16_224', {}),
    'qk norm': ('vit_base_patch16_224.augreg_in21k', dict(qk_norm=True)),
}
SMALL = dict(embed_dim=48, depth=2, num_heads=4)
SIZE = dict(embed_dims=48, depth=2, num_heads=4)


def randomise(module, std=0.2):
    torch.manual_seed(0)
    for p in module.parameters():
        torch.nn.init.normal_(p, std=std)
    return module.eval()


def forward(expert, clip):
    """The expert by itself: adapters start at zero, so that it is its tower."""
    x = expert.embed(clip)
    for i in range(expert.depth):
        x = expert.feed_forward(i, expert.self_attend(i, x))
    return x


@pytest.mark.parametrize('case', TIMM)
@pytest.mark.parametrize('size', [(64, 64), (48, 96)])
def test_timm_expert_is_timms_model_frame_by_frame(case, size):
    name, more = TIMM[case]
    expert = TimmExpert(name, img_size=64, num_frames=4, model_kwargs={**SMALL, **more})
    randomise(expert.tower)
    clip = torch.randn(2, 3, 4, *size)
    tokens = forward(expert, clip)
    frames = clip[:, :, 1::2].transpose(1, 2).flatten(0, 1)
    expected = expert.tower.forward_features(frames)  # ends with the post norm, if it is there
    got = expert.tower.norm(tokens.data.flatten(0, 1))
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
    assert expert.pool(tokens).shape == (2, 48)
    one = clip[:, :, :2]  # of which the second frame: the mean over time is that of one
    pooled = expert.tower.forward_head(expert.tower.forward_features(one[:, :, 1]), pre_logits=True)
    torch.testing.assert_close(expert.pool(forward(expert, one)), pooled, rtol=1e-4, atol=1e-5)
    assert sum(map(len, expert.layer_groups())) == len(list(expert.parameters()))
    every = TimmExpert(name, img_size=64, num_frames=2, tubelet_size=1, model_kwargs={**SMALL, **more})
    every.tower.load_state_dict(expert.tower.state_dict())
    torch.testing.assert_close(forward(every.eval(), clip[:, :, 1::2]).data, tokens.data)


def test_rotary_positions_in_a_temporal_role():
    """Over two equal frames joint attention is attention within one: each key is there twice."""
    name = 'eva02_base_patch16_clip_224'
    spatial, temporal = (
        TimmExpert(name, img_size=64, num_frames=4, window=window, model_kwargs=SMALL)
        for window in ('space', 'space-time'))
    temporal.load_state_dict(randomise(spatial).state_dict())
    clip = torch.randn(1, 3, 1, 64, 64).expand(-1, -1, 4, -1, -1)
    one, other = forward(spatial, clip).data, forward(temporal.eval(), clip).data
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    clip = torch.randn(1, 3, 4, 64, 64)
    assert not torch.allclose(forward(spatial, clip).data, forward(temporal, clip).data, atol=1e-3)


@pytest.mark.parametrize('case', ['in21k', 'eva'])
def test_timm_checkpoints(tmp_path, case):
    """timm's own file with a classifier, of another input size."""
    name = TIMM[case][0]
    whole = randomise(timm.create_model(name, num_classes=7, img_size=64, **SMALL))
    path = str(tmp_path / 'timm.pth')
    torch.save(whole.state_dict(), path)
    expert = TimmExpert(name, img_size=64, model_kwargs=SMALL, checkpoint=path)
    expert.init_weights()
    state = expert.tower.state_dict()
    assert all(torch.equal(v, whole.state_dict()[k]) for k, v in state.items())
    larger = TimmExpert(name, img_size=96, model_kwargs=SMALL, checkpoint=path)
    larger.init_weights()
    assert larger.tower.pos_embed.shape[1] == 37
    assert torch.equal(larger.tower.blocks[1].mlp.fc2.weight, whole.blocks[1].mlp.fc2.weight)
    wide = TimmExpert(name, img_size=64, model_kwargs={**SMALL, 'embed_dim': 96}, checkpoint=path)
    with pytest.raises(ValueError, match='timm.pth does not fit .*wrong shape'):
        wide.init_weights()


@pytest.mark.parametrize('name', [
    'resnet18', 'swin_tiny_patch4_window7_224', 'beit_base_patch16_224', 'samvit_base_patch16',
    'no_such_model', 'vit_small_patch16_rope_mixed_224'])
def test_minor8_other_architectures_are_refused(name):
    with pytest.raises(InputError, match=f'{name} .* ?plain vision transformer'):
        TimmExpert(name)


def test_minor8_attention_pooling_is_timms():
    """Of each frame, then their mean; layer decay counts it among what is behind the blocks."""
    expert = TimmExpert('vit_base_patch16_siglip_224', img_size=64, num_frames=4, model_kwargs=SMALL)
    tower, clip = randomise(expert.tower), torch.randn(2, 3, 4, 64, 64)
    frames = [tower.forward_head(tower.forward_features(clip[:, :, i]), pre_logits=True) for i in (1, 3)]
    pooled = expert.pool(forward(expert.eval(), clip))
    torch.testing.assert_close(pooled, sum(frames) / 2, rtol=1e-4, atol=1e-5)
    assert {id(p) for p in tower.attn_pool.parameters()} < {id(p) for p in expert.layer_groups()[-1]}


def test_swapped_roles():
    """CLIP over space-time and VideoMAE within a frame attend as their window says, by hand."""
    clip = torch.randn(2, 3, 4, 32, 32)
    for cls, window in ((CLIPExpert, 'space-time'), (VideoMAEExpert, 'space')):
        expert = randomise(cls(img_size=32, num_frames=4, window=window, **SIZE))
        x = expert.embed(clip)
        block = expert.parts(0)
        n = block.norm1(x.data)
        if cls is CLIPExpert:
            weight, bias, out = block.attn.in_proj_weight, block.attn.in_proj_bias, block.attn.out_proj
        else:
            weight, out = block.attn.qkv.weight, block.attn.proj
            bias = torch.cat([block.attn.q_bias, torch.zeros(48), block.attn.v_bias])
        q, k, v = (n @ weight.T + bias).chunk(3, -1)
        a = out(attention(q, k, v, 4, window))
        expected = x.data + a + expert.attn_adapters[0](a)
        torch.testing.assert_close(expert.self_attend(0, x).data, expected)


def test_experts_without_adapters_are_their_towers():
    expert = CLIPExpert(adapter_ratio=0, frozen=False, **SIZE)
    assert {k.split('.')[0] for k, _ in expert.named_parameters()} == {'tower'}
    assert all(p.requires_grad for p in expert.parameters())
    clip = torch.randn(1, 3, 2, 224, 224)
    tower = expert.eval().tower
    tokens = forward(expert, clip).data[:, 0]
    torch.testing.assert_close(tokens, tower.transformer(tower._embeds(clip[:, :, 1])), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('time_adapter_in', [False, True])
def test_aim(time_adapter_in):
    expert = randomise(AIMExpert(img_size=32, num_frames=6, time_adapter_in=time_adapter_in, **SIZE))
    x = expert.embed(torch.randn(1, 3, 6, 32, 32))
    mha, block = expert.tower.transformer.resblocks[1].attn, expert.parts(1)
    n = block.norm1(x.data)
    if time_adapter_in:
        n = n + expert.time_adapters_in[1](n)
    over_time = n.transpose(1, 2).flatten(0, 1)  # (b s) t d: torch's own attention over the frames
    a = mha(over_time, over_time, over_time, need_weights=False)[0].view(1, 5, 6, 48).transpose(1, 2)
    y = x.replace(x.data + expert.time_adapters[1](a))
    torch.testing.assert_close(expert.self_attend(1, x).data, super(AIMExpert, expert).self_attend(1, y).data)
    kinds = 4 if time_adapter_in else 3
    assert sum(p.requires_grad for p in expert.parameters()) == 2 * kinds * 4 + 3  # post norm, table
    clip = torch.randn(1, 3, 6, 32, 32)
    for size, matters in ((0., False), (10., True)):  # only by its table, the order of frames matters
        torch.nn.init.normal_(expert.time_pos, std=size)
        forth, back = (expert.pool(forward(expert, c)) for c in (clip, clip.flip(2)))
        assert torch.allclose(forth, back, atol=1e-3) != matters
    assert len(expert.layer_groups()[2]) == 12 + 4 * kinds  # a block of CLIP has 12 tensors


def test_vit_l_experts_of_24_blocks():
    size = dict(embed_dims=32, depth=24, num_heads=2, num_frames=4, img_size=32)
    model = MODELS.build(dict(
        type='TwoExpertViT', experts=dict(
            spatial=dict(type='CLIPExpert', **size), temporal=dict(type='VideoMAEExpert', **size)),
        exchanges=dict(b_cast=dict(
            type='BCAST', windows=dict(spatial='time', temporal='space'), bottleneck_dims=16, num_heads=2))))
    assert len(model.exchanges) == 24
    assert model(torch.randn(1, 3, 4, 32, 32))['spatial'].shape == (1, 32)


def test_one_expert_alone():
    cfg = dict(type='VerbNounHead', in_channels=48, experts=dict(verb='spatial', noun='spatial'))
    model = build_tiny(head=cfg)
    alone = MODELS.build(dict(
        type='TwoExpertViT', experts=dict(spatial=dict(type='CLIPExpert', **SIZE)), exchanges=dict()))
    assert set(alone(torch.randn(1, 3, 2, 32, 32))) == {'spatial'}
    assert set(model.cls_head(dict(spatial=torch.randn(2, 48)))) == {'verb', 'noun'}
