"""The expert that listens: against timm's own forward pass, files in every form, positions by hand."""
import pytest
import torch
from conftest import load_tool
from timm.models.deit import VisionTransformerDistilled

from projects.cast.models import ASTExpert
from projects.cast.utils import InputError

SIZE = dict(embed_dims=24, depth=2, num_heads=2)
SOUND = dict(num_rows=64, num_mel_bins=32, **SIZE)  # 2 frequencies x 5 times


def build(**kwargs):
    """An expert in eval mode with random values everywhere."""
    torch.manual_seed(0)
    expert = ASTExpert(**{**SOUND, **kwargs}).eval()
    for p in expert.parameters():
        torch.nn.init.normal_(p, std=0.2)
    return expert


def test_computes_what_the_library_does():
    """timm knows no overlap, so the patches touch here, and the spectrogram is square."""
    expert = build(num_rows=32, num_mel_bins=32, stride=16, adapter_ratio=0)
    theirs = VisionTransformerDistilled(
        img_size=32, patch_size=16, in_chans=1, num_classes=0, embed_dim=24, depth=2, num_heads=2).eval()
    theirs.load_state_dict(expert.tower.state_dict(), strict=True)
    x = torch.randn(2, 1, 32, 32)
    tokens = theirs.forward_features(x.mT)  # frequencies are the rows of the image
    torch.testing.assert_close(expert(x)['audio'], theirs.forward_head(tokens, pre_logits=True))
    assert all(m.eps == 1e-6 for m in expert.modules() if isinstance(m, torch.nn.LayerNorm))


def test_overlapping_patches_by_hand():
    expert = build()
    x = torch.randn(1, 1, 64, 32)
    tokens = expert.embed(x)
    assert tokens.grid == (1, 2, 5) and tokens.num_prefix == 2
    proj, positions = expert.tower.patch_embed.proj, expert.tower.pos_embed[0]
    patch = x[0, 0, 30:46, 10:26].T  # frequency 1, time 3
    place = 2 + 1 * 5 + 3
    expected = (proj.weight[:, 0] * patch).sum((1, 2)) + proj.bias + positions[place]
    torch.testing.assert_close(tokens.data[0, 0, place], expected)
    torch.testing.assert_close(tokens.data[0, 0, 1], expert.tower.dist_token[0, 0] + positions[1])


@pytest.mark.parametrize('rows, bins, grid', [(1024, 128, (1, 12, 101)), (400, 128, (1, 12, 39)),
                                              (16, 16, (1, 1, 1)), (98, 64, (1, 5, 9))])
def test_any_number_of_rows_and_mel_bins(rows, bins, grid):
    expert = build(num_rows=rows, num_mel_bins=bins, depth=1)
    assert expert.grid == grid
    assert expert(torch.randn(1, 1, rows, bins))['audio'].shape == (1, 24)
    assert expert.smallest_inputs() == {'audio': (1, 16, bins)}


@pytest.mark.parametrize('shape, message', [
    ((2, 1, 32, 64), r'must be \(B, 1, rows, 32 mel bins\), got \(2, 1, 32, 64\); transpose'),
    ((2, 3, 64, 32), r'must be \(B, 1, rows, 32 mel bins\), got \(2, 3, 64, 32\)'),
    ((2, 64, 32), r'must be \(B, 1, rows, 32 mel bins\), got \(2, 64, 32\)'),
    ((2, 1, 15, 32), r'\(rows, mel bins\) = \(15, 32\) has no patch of 16 x 16')])
def test_other_inputs_are_refused(shape, message):
    with pytest.raises(InputError, match=message):
        build()(torch.zeros(shape))


def table(height, width):
    """Positions (1, 2 + H * W, D) whose first channel is the row and whose second is the column."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing='ij')
    places = torch.stack([y, x], -1).flatten(0, 1).float()
    return torch.cat([torch.tensor([[-1., -1.], [-2., -2.]]), places])[None].repeat(1, 1, 12)


def fitted(tmp_path, state, **size):
    """The grid of positions after loading a file: rows and columns."""
    torch.save(state, tmp_path / 'ast.pth')
    expert = ASTExpert(**{**SOUND, 'num_mel_bins': 128, **size}, checkpoint=str(tmp_path / 'ast.pth'))
    expert.load_checkpoint()
    positions = expert.tower.pos_embed[0, :, :2]
    assert positions[:2].tolist() == [[-1, -1], [-2, -2]]
    return expert, positions[2:].unflatten(0, expert.grid[1:])


def audioset(width=101):
    """A file of AST's authors, with what it holds beside the tower."""
    tower = build(num_rows=1024, num_mel_bins=128).tower.state_dict() | {'pos_embed': table(12, width)}
    extra = {'v.head.weight': torch.zeros(5, 24), 'v.head_dist.bias': torch.zeros(5),
             'mlp_head.0.weight': torch.zeros(24), 'mlp_head.1.weight': torch.zeros(527, 24)}
    return {f'module.{k}': v for k, v in {**{f'v.{k}': v for k, v in tower.items()}, **extra}.items()}


def test_audioset_positions(tmp_path):
    """Section 9: as they are for 1024 rows, the middle for 400, and interpolated beyond."""
    _, same = fitted(tmp_path, audioset(), num_rows=1024)
    assert torch.equal(same[..., 1], torch.arange(101.).expand(12, -1))
    _, middle = fitted(tmp_path, audioset(), num_rows=400)
    assert torch.equal(middle[..., 1], torch.arange(31., 70.).expand(12, -1))
    assert torch.equal(middle[..., 0], torch.arange(12.)[:, None].expand(-1, 39))
    _, longer = fitted(tmp_path, audioset(), num_rows=2034)  # 202 columns, each half as wide
    torch.testing.assert_close(longer[0, :4, 1], torch.tensor([0., 0.25, 0.75, 1.25]))
    _, fewer_bins = fitted(tmp_path, audioset(), num_rows=400, num_mel_bins=64)  # 5 of 12 frequencies
    assert torch.equal(fewer_bins[:, 0, 0], torch.arange(4., 9.))
    _, from_shorter = fitted(tmp_path, audioset(50), num_rows=400)  # a tower of AST for ESC-50
    assert torch.equal(from_shorter[0, :, 1], torch.arange(6., 45.))


@pytest.mark.parametrize('side, first, column', [(24, 6, 24 / 101), (14, 1, 14 / 101)])
def test_distilled_deit_becomes_a_spectrograms(tmp_path, side, first, column):
    """As AST does it: the kernels of R, G and B are added, rows are cropped, columns interpolated."""
    torch.manual_seed(0)
    tower = build(num_rows=1024, num_mel_bins=128).tower.state_dict()
    kernel = torch.randn(24, 3, 16, 16)
    state = {**tower, 'patch_embed.proj.weight': kernel, 'pos_embed': table(side, side),
             'head.weight': torch.zeros(5, 24), 'head_dist.weight': torch.zeros(5, 24)}
    expert, grid = fitted(tmp_path, {'model': state}, num_rows=1024)
    torch.testing.assert_close(expert.tower.patch_embed.proj.weight[:, 0], kernel.sum(1))
    torch.testing.assert_close(grid[:, 0, 0], torch.arange(12.) + first)
    torch.testing.assert_close(grid[0, 50, 1], torch.tensor((50.5 * column) - 0.5))


def test_an_image_table_of_the_same_size_is_still_one_of_an_image(tmp_path):
    """24 x 24 = 12 x 48 places."""
    tower = build(num_rows=490, num_mel_bins=128).tower.state_dict()
    state = {**tower, 'patch_embed.proj.weight': torch.randn(24, 3, 16, 16), 'pos_embed': table(24, 24)}
    _, grid = fitted(tmp_path, state, num_rows=490)
    assert torch.equal(grid[:, 0, 0], torch.arange(6., 18.))


@pytest.mark.parametrize('stride, height, width', [(12, 10, 85), (14, 9, 73), (16, 8, 64)])
def test_files_of_other_strides(tmp_path, stride, height, width):
    tower = build(num_rows=1024, num_mel_bins=128, stride=stride).tower.state_dict()
    state = {f'module.v.{k}': v for k, v in {**tower, 'pos_embed': table(height, width)}.items()}
    expert, grid = fitted(tmp_path, state, num_rows=400, stride=stride)
    assert grid.shape[:2] == expert.grid[1:] == (height, (400 - 16) // stride + 1)
    start = width // 2 - grid.shape[1] // 2
    assert torch.equal(grid[..., 1], torch.arange(start, start + grid.shape[1]).float().expand(height, -1))


HUGGING_FACE = {  # on the hub, and in memory
    'hub': dict(block='encoder.layer', q='attention.attention.query', k='attention.attention.key',
                v='attention.attention.value', proj='attention.output.dense', fc1='intermediate.dense',
                fc2='output.dense'),
    'memory': dict(block='layers', q='attention.q_proj', k='attention.k_proj', v='attention.v_proj',
                   proj='attention.o_proj', fc1='mlp.fc1', fc2='mlp.fc2')}


def hugging_face(tower, block, q, k, v, proj, fc1, fc2):
    """The names of ASTForAudioClassification, which keeps queries, keys and values apart."""
    state = {'classifier.dense.weight': torch.zeros(527, 24)}
    stem = {'cls_token': 'embeddings.cls_token', 'dist_token': 'embeddings.distillation_token',
            'pos_embed': 'embeddings.position_embeddings',
            'patch_embed.proj': 'embeddings.patch_embeddings.projection', 'norm': 'layernorm'}
    inside = {'norm1': 'layernorm_before', 'norm2': 'layernorm_after', 'attn.proj': proj, 'mlp.fc1': fc1,
              'mlp.fc2': fc2}
    for key, value in tower.items():
        name, _, end = key.rpartition('.') if key.endswith(('weight', 'bias')) else (key, '', '')
        if name.endswith('attn.qkv'):
            for part, own in zip((q, k, v), value.chunk(3)):
                state[f'audio_spectrogram_transformer.{block}.{name.split(".")[1]}.{part}.{end}'] = own
            continue
        _, i, part = name.split('.', 2) if name.startswith('blocks.') else ('', '', '')
        new = f'{block}.{i}.{inside[part]}' if part else stem[name]
        state[f'audio_spectrogram_transformer.{new}' + (f'.{end}' if end else '')] = value
    return state


@pytest.mark.parametrize('names', HUGGING_FACE)
@pytest.mark.parametrize('whole', [True, False])
def test_hugging_face_files(tmp_path, names, whole):
    tower = build().tower.state_dict()
    state = hugging_face(tower, **HUGGING_FACE[names])
    if not whole:  # ASTModel without its classifier
        state = {k.removeprefix('audio_spectrogram_transformer.'): v for k, v in state.items()
                 if not k.startswith('classifier.')}
    torch.save(state, tmp_path / 'hf.pth')
    expert = ASTExpert(**SOUND, checkpoint=str(tmp_path / 'hf.pth'))
    expert.load_checkpoint()
    assert all(torch.equal(v, tower[k]) for k, v in expert.tower.state_dict().items())


def test_damaged_files(tmp_path):
    state = hugging_face(build().tower.state_dict(), **HUGGING_FACE['hub'])
    torch.save({k: v for k, v in state.items() if '.key.' not in k}, tmp_path / 'hf.pth')
    with pytest.raises(InputError, match='hf.pth does not fit .*qkv'):
        ASTExpert(**SOUND, checkpoint=str(tmp_path / 'hf.pth')).load_checkpoint()
    vit = {k: v for k, v in build().tower.state_dict().items() if k != 'dist_token'}
    torch.save(vit, tmp_path / 'vit.pth')
    with pytest.raises(InputError, match='vit.pth: as a VideoMAE, .*would have a dist_token'):
        ASTExpert(**SOUND, checkpoint=str(tmp_path / 'vit.pth')).load_checkpoint()


def test_expert_tool_and_back(tmp_path):
    tool = load_tool('convert/expert_checkpoint.py')
    src, dst, back = (str(tmp_path / f'{name}.pth') for name in ('src', 'dst', 'back'))
    state = audioset()
    torch.save(state, src)
    tool.convert(src, dst)
    tool.convert(dst, back, reverse=True)
    again = torch.load(back, weights_only=True)
    assert set(state) - set(again) == {k for k in state if 'head' in k}
    assert all(torch.equal(v, state[k]) for k, v in again.items())


def test_files_that_do_not_fit(tmp_path):
    torch.save({'visual.conv1.weight': torch.zeros(2, 3, 16, 16)}, tmp_path / 'clip.pth')
    expert = ASTExpert(**SOUND, checkpoint=str(tmp_path / 'clip.pth'))
    with pytest.raises(InputError, match='clip.pth does not fit VisionTransformerDistilled'):
        expert.load_checkpoint()
    torch.save(audioset(), tmp_path / 'ast.pth')
    expert = ASTExpert(num_rows=64, embed_dims=48, depth=2, num_heads=2, checkpoint=str(tmp_path / 'ast.pth'))
    with pytest.raises(InputError, match='ast.pth does not fit VisionTransformerDistilled'):
        expert.load_checkpoint()


def test_only_adapters_learn():
    """The final norm is frozen, too, unlike those of the other experts."""
    expert = build()
    learned = {name for name, p in expert.named_parameters() if p.requires_grad}
    assert learned and all('adapters' in name for name in learned)
    assert all(p.requires_grad for p in build(frozen=False).parameters())


def test_drop_path_of_the_attention():
    """CA2ST's program drops a sample's whole attention in training; by default, and in tests, nothing is."""
    x = torch.randn(64, 1, 64, 32)
    for drop, changed in ((True, 0.5), (False, 1.)):
        expert = build(drop_attention=drop, drop_path_rate=0.5)  # the rate of the second block
        tokens = expert.embed(x)
        assert torch.equal(expert.self_attend(1, tokens).data, expert.self_attend(1, tokens).data)
        expert.train()
        after = expert.self_attend(1, tokens).data
        share = (after != tokens.data).flatten(1).any(1).float().mean()
        assert abs(share - changed) < 0.25 * drop + 1e-6


def test_native_size_can_be_changed():
    expert = build()
    x = torch.randn(1, 1, 44, 32)  # 3 of 5 columns
    before = expert(x)['audio']
    expert.set_input_size((44, 32))
    assert expert.tower.pos_embed.shape == (1, 2 + 2 * 3, 24)
    torch.testing.assert_close(expert(x)['audio'], before)
    expert.set_input_size((44, 22))
    assert expert(torch.randn(1, 1, 44, 22))['audio'].shape == (1, 24)
