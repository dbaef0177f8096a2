"""Converters, each way, on files in every layout that people have."""
import pytest
import torch
from conftest import ROOT, build_tiny, load_tool
from mmengine.runner import load_checkpoint
from safetensors.torch import load_file, save_file
from stored_audio import read, read_weights, tiny

from mmaction.registry import MODELS
from projects.cast.checkpoints import VIDEOMAE, read_expert, rename
from projects.cast.models import CLIPExpert, VideoMAEExpert
from projects.cast.utils import InputError

SIZE = dict(embed_dims=48, depth=2, num_heads=4)
FUSED = dict(type='FusedHead', num_classes=174, in_channels=48)


@pytest.mark.parametrize('wrapper', ['model', 'module', ''])
@pytest.mark.parametrize('case, head', [('verb_noun', None), ('single_label', FUSED)])
def test_release_and_back(tmp_path, case, head, wrapper):
    tool = load_tool('convert/release_checkpoint.py')
    stored = load_file(ROOT / f'tests/golden/cast_tiny_{case}.safetensors')
    release = {k[7:]: v for k, v in stored.items() if k.startswith('weight.')}
    src, dst, back = (str(tmp_path / name) for name in ('src.pth', 'dst.pth', 'back.pth'))
    torch.save({wrapper: release} if wrapper else release, src)
    assert tool.convert(src, dst) == len(release)

    model = build_tiny(head=head)
    load_checkpoint(model, dst, strict=True)
    query = model.backbone.exchanges[1]['b_cast'].attn['temporal'].query_pos
    assert torch.equal(query, release['blocks.1.s2t_cross.vmae_space_pos'])

    tool.convert(dst, back, reverse=True)
    again = torch.load(back, weights_only=True)
    again = again[wrapper] if wrapper else again
    assert list(again) == list(release)
    assert all(torch.equal(again[k], v) and again[k].dtype == v.dtype for k, v in release.items())


@pytest.mark.parametrize('bare', [True, False])
@pytest.mark.parametrize('name', ['ca2st_tiny_averaged', 'ca2st_tiny_verb_noun_shared_time',
                                  'cava_tiny_time'])
def test_checkpoints_of_ca2st_and_cava(tmp_path, name, bare):
    """One command for all systems; back with every alias, and without what the program never uses."""
    tool = load_tool('convert/release_checkpoint.py')
    stored, metadata = read(ROOT / f'tests/golden/{name}.safetensors')
    theirs = read_weights(stored, metadata)
    src, dst, ours, back = (str(tmp_path / f'{n}.pth') for n in ('src', 'dst', 'ours', 'back'))
    torch.save({'module': theirs}, src)
    assert tool.convert(src, dst) == len(theirs) - 2
    model = MODELS.build(tiny(name))
    state = torch.load(dst, weights_only=True)['state_dict']
    model.load_state_dict(state, strict=True)
    torch.save(model.state_dict() if bare else {'state_dict': model.state_dict(), 'meta': {}}, ours)
    tool.convert(ours, back, reverse=True)
    again = torch.load(back, weights_only=True)['module']
    assert set(theirs) - set(again) == {'audio_ln_post.weight', 'audio_ln_post.bias'}
    assert all(torch.equal(value, theirs[key]) and value.dtype == theirs[key].dtype
               for key, value in again.items())


@pytest.mark.parametrize('known, message', [({}, 'CAST, 1 of 1'), ({'ast_cls_token': 0.}, 'CAVA, 1 of 2')])
def test_release_with_unknown_keys(tmp_path, known, message):
    tool = load_tool('convert/release_checkpoint.py')
    torch.save({**known, 'blocks.0.bogus': torch.zeros(1)}, tmp_path / 'src.pth')
    with pytest.raises(InputError, match=f'a checkpoint of {message} keys are unknown: blocks.0.bogus'):
        tool.convert(str(tmp_path / 'src.pth'), str(tmp_path / 'dst.pth'))


def test_drop_head(tmp_path):
    tool = load_tool('convert/release_checkpoint.py')
    stored = load_file(ROOT / 'tests/golden/cast_tiny_verb_noun.safetensors')
    torch.save({k[7:]: v for k, v in stored.items() if k.startswith('weight.')}, tmp_path / 'src.pth')
    tool.convert(str(tmp_path / 'src.pth'), str(tmp_path / 'dst.pth'), drop_head=True)
    model = build_tiny(head=FUSED)
    load_checkpoint(model, str(tmp_path / 'dst.pth'))  # other classes: all but the head


def filled(tower):
    for p in tower.parameters():
        torch.nn.init.normal_(p)
    return {k: v.clone() for k, v in tower.state_dict().items()}


def load(expert, path):
    expert.checkpoint = str(path)
    expert.load_checkpoint()
    return expert.tower


def check_load(expert, path, expected):
    assert all(torch.equal(v, expected[k]) for k, v in load(expert, path).state_dict().items())


@pytest.mark.parametrize('suffix', ['pt', 'safetensors'])
def test_open_clip_file(tmp_path, suffix):
    state = filled(CLIPExpert(**SIZE).tower)
    whole = {f'visual.{k}': v for k, v in state.items()}
    whole |= {'visual.proj': torch.zeros(48, 512), 'positional_embedding': torch.zeros(77, 512),
              'transformer.resblocks.0.ln_1.weight': torch.zeros(512), 'logit_scale': torch.ones(())}
    path = tmp_path / f'open_clip.{suffix}'
    if suffix == 'pt':
        torch.save({'state_dict': {f'module.{k}': v for k, v in whole.items()}}, path)
    else:
        save_file(whole, path)
    check_load(CLIPExpert(**SIZE), path, state)


def test_openai_archive(tmp_path):
    """A TorchScript archive with OpenAI's names, half precision, as open_clip's reader wants them."""
    from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg
    clip = CLIP(64, CLIPVisionCfg(layers=2, width=64, head_width=64, patch_size=16, image_size=224),
                CLIPTextCfg(context_length=8, vocab_size=16, width=64, heads=1, layers=1), quick_gelu=True)
    for p in clip.parameters():
        torch.nn.init.normal_(p, std=0.02)

    class Archive(torch.nn.Module):
        """OpenAI's archive as far as its state dict goes."""

        def __init__(self):
            super().__init__()
            self.visual, self.transformer = clip.visual, clip.transformer
            self.token_embedding, self.ln_final = clip.token_embedding, clip.ln_final
            for name in ('positional_embedding', 'text_projection', 'logit_scale'):
                setattr(self, name, getattr(clip, name))
            for name in ('input_resolution', 'context_length', 'vocab_size'):
                self.register_buffer(name, torch.tensor(224))

        def forward(self, image):
            return self.visual(image)

    path = tmp_path / 'ViT-B-16.pt'
    with torch.no_grad():
        torch.jit.trace(Archive().eval(), torch.zeros(1, 3, 224, 224)).save(path)
    expected = {k: v for k, v in clip.visual.state_dict().items() if k != 'proj'}
    tower = load(CLIPExpert(embed_dims=64, depth=2, num_heads=1), path)
    for k, v in tower.state_dict().items():
        torch.testing.assert_close(v, expected[k], rtol=1e-3, atol=1e-4)  # open_clip reads it as fp16


@pytest.mark.parametrize('kind', ['pretrained', 'finetuned', 'mmaction'])
def test_videomae_files(tmp_path, kind):
    state = filled(VideoMAEExpert(**SIZE).tower)
    if kind == 'mmaction':
        file = {'state_dict': {f'backbone.{k}': v for k, v in state.items()} | {
            'backbone.pos_embed': torch.zeros(1, 1568, 48), 'cls_head.fc_cls.weight': torch.zeros(4, 48)}}
    else:
        authors = rename(state, VIDEOMAE, reverse=True)
        if kind == 'finetuned':
            file = {'module': {**authors, 'head.weight': torch.zeros(4, 48), 'head.bias': torch.zeros(4)}}
        else:
            authors = {k: v for k, v in authors.items() if not k.startswith('fc_norm')}
            file = {'model': {f'encoder.{k}': v for k, v in authors.items()} | {
                'encoder.norm.weight': torch.zeros(48), 'encoder.norm.bias': torch.zeros(48),
                'decoder.head.weight': torch.zeros(4), 'mask_token': torch.zeros(1, 1, 24)}}
            state |= {'fc_norm.weight': torch.ones(48), 'fc_norm.bias': torch.zeros(48)}
    torch.save(file, tmp_path / 'videomae.pth')
    check_load(VideoMAEExpert(**SIZE), tmp_path / 'videomae.pth', state)


@pytest.mark.parametrize('expert', [CLIPExpert, VideoMAEExpert])
def test_expert_tool_and_back(tmp_path, expert):
    tool = load_tool('convert/expert_checkpoint.py')
    state = filled(expert(**SIZE).tower)
    names = ('ours.pth', 'theirs.pth', 'again.pth')
    ours, theirs, again = (str(tmp_path / name) for name in names)
    torch.save({'state_dict': state}, ours)
    tool.convert(ours, theirs, reverse=True)
    assert tool.convert(theirs, again) == len(state)
    check_load(expert(**SIZE), again, state)
    assert all(torch.equal(v, state[k]) for k, v in read_expert(theirs).items())


def test_config_loads_expert_and_interpolates_positions(tmp_path):
    state = filled(CLIPExpert(**SIZE).tower)
    torch.save(state, tmp_path / 'clip.pth')
    expert = CLIPExpert(img_size=160, checkpoint=str(tmp_path / 'clip.pth'), **SIZE)
    expert.init_weights()
    table = expert.tower.positional_embedding
    assert table.shape == (101, 48) and torch.equal(table[0], state['positional_embedding'][0])
    assert torch.equal(expert.tower.conv1.weight, state['conv1.weight'])


def test_whole_model_loads_its_experts(tmp_path):
    state = filled(VideoMAEExpert(**SIZE).tower)
    torch.save(state, tmp_path / 'videomae.pth')
    model = build_tiny(randomise=False)
    model.backbone.experts['temporal'].checkpoint = str(tmp_path / 'videomae.pth')
    model.init_weights()
    own = model.backbone.experts['temporal'].tower.state_dict()
    assert all(torch.equal(own[k], v) for k, v in state.items())
    model.backbone.experts['temporal'].checkpoint = str(tmp_path / 'lost.pth')
    with pytest.raises(FileNotFoundError, match='lost.pth: no such expert checkpoint'):
        model.backbone.experts['temporal'].init_weights()


def test_expert_of_another_kind(tmp_path):
    torch.save(filled(VideoMAEExpert(**SIZE).tower), tmp_path / 'videomae.pth')
    with pytest.raises(ValueError, match='videomae.pth does not fit VisionTransformer: .* missing'):
        load(CLIPExpert(**SIZE), tmp_path / 'videomae.pth')
    with pytest.raises(ValueError, match='24 of the wrong shape|of the wrong shape'):
        load(VideoMAEExpert(**{**SIZE, 'embed_dims': 64}), tmp_path / 'videomae.pth')
    torch.save({'weight': torch.zeros(1)}, tmp_path / 'other.pth')
    with pytest.raises(ValueError, match='no CLIP, VideoMAE or AST checkpoint'):
        load(CLIPExpert(**SIZE), tmp_path / 'other.pth')
