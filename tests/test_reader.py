"""The reader of checkpoint files: what people have, what is damaged, what could run code."""
import argparse
import os
import pathlib

import numpy as np
import pytest
import torch
from conftest import build_tiny, load_tool
from mmengine.logging import HistoryBuffer
from mmengine.runner import load_checkpoint
from mmengine.runner.checkpoint import CheckpointLoader

from projects.cast.checkpoints import read_checkpoint, read_expert
from projects.cast.models import VideoMAEExpert
from projects.cast.utils import InputError, MissingFileError

SIZE = dict(embed_dims=48, depth=2, num_heads=4)


def run_file(state, path):
    """What mmengine's runner saves, as far as types go."""
    history = HistoryBuffer()
    history.update(0.25)
    history._statistics_methods = dict(history._statistics_methods)  # as a user's own statistics make it
    info = dict(lr=np.float64(0.1), names=np.array(['a']))
    hub = dict(log_scalars={'train/loss': history}, runtime_info=info)
    torch.save(dict(state_dict=state, message_hub=hub, optimizer={}, meta=dict(epoch=1)), path)
    return str(path)


def test_M1_reverse_of_a_checkpoint_that_training_wrote(tmp_path):
    model, tool = build_tiny(), load_tool('convert/release_checkpoint.py')
    src = run_file(model.state_dict(), tmp_path / 'epoch_1.pth')
    back, again = tmp_path / 'back.pth', tmp_path / 'again.pth'
    assert tool.convert(src, str(back), reverse=True) == len(model.state_dict())
    tool.convert(str(back), str(again))
    other = build_tiny(randomise=False)
    load_checkpoint(other, str(again), strict=True)
    assert all(torch.equal(v, other.state_dict()[k]) for k, v in model.state_dict().items())


def test_M1_slim_checkpoints_are_not_reversed(tmp_path):
    slim, out = tmp_path / 'slim.pth', tmp_path / 'out.pth'
    torch.save(dict(state_dict={'backbone.w': torch.ones(1)}, meta=dict(experts={})), slim)
    with pytest.raises(InputError, match='slim.pth: is a slim checkpoint, .* --reverse'):
        load_tool('convert/release_checkpoint.py').convert(slim, out, reverse=True)
    assert not out.exists()


@pytest.mark.parametrize('kind', ['authors', 'mmaction'])
def test_M2_expert_files_with_more_than_tensors(tmp_path, kind):
    tower = VideoMAEExpert(**SIZE).tower
    path = tmp_path / f'{kind}.pth'
    if kind == 'mmaction':
        run_file({f'backbone.{k}': v for k, v in tower.state_dict().items()}, path)
    else:
        args = argparse.Namespace(lr=1e-3, output_dir=pathlib.PosixPath('out'))
        torch.save(dict(model=tower.state_dict(), args=args, epoch=799), path)
    expert = VideoMAEExpert(checkpoint=str(path), **SIZE)
    expert.init_weights()
    assert all(torch.equal(v, tower.state_dict()[k]) for k, v in expert.tower.state_dict().items())


def test_M10_clip_archives_are_read_by_torch_alone(tmp_path, monkeypatch):
    import open_clip
    monkeypatch.delattr(open_clip, 'load_openai_model', raising=False)  # as on its main branch

    class Archive(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.visual = torch.nn.Module()
            self.visual.conv1 = torch.nn.Conv2d(3, 8, 16, bias=False)

        def forward(self, x):
            return self.visual.conv1.weight.sum() * x

    archive = Archive().half()
    torch.jit.trace(archive, torch.zeros(1)).save(tmp_path / 'ViT-B-16.pt')
    state = read_expert(str(tmp_path / 'ViT-B-16.pt'))
    assert list(state) == ['conv1.weight'] and torch.equal(state['conv1.weight'], archive.visual.conv1.weight)


class Harmful:
    def __reduce__(self):
        return os.mkdir, ('harm', )


@pytest.mark.parametrize('load', [read_checkpoint, CheckpointLoader.load_checkpoint])
def test_minor10_no_file_runs_code(tmp_path, monkeypatch, load):
    monkeypatch.chdir(tmp_path)
    torch.save(dict(state_dict={}, harm=Harmful()), 'bad.pth')
    with pytest.raises(InputError, match=r'bad.pth: holds posix.mkdir beside tensors; .*add_safe_globals'):
        load('bad.pth')
    torch.save(dict(module=torch.nn.Linear(1, 1)), 'module.pth')
    with pytest.raises(InputError, match='module.pth: holds torch.nn.modules.linear.Linear beside tensors'):
        load('module.pth')
    assert not os.path.exists('harm')


def test_minor10_no_attribute_but_the_statistics(tmp_path):
    class Globals:
        def __reduce__(self):
            return getattr, (HistoryBuffer, '__init__')

    torch.save(dict(x=Globals()), tmp_path / 'bad.pth')
    with pytest.raises(InputError, match='bad.pth: cannot be read as a checkpoint'):
        read_checkpoint(tmp_path / 'bad.pth')


@pytest.mark.parametrize('name, content', [
    ('text.pth', b'hello'), ('empty.pth', b''), ('text.safetensors', b'hello'), ('list.pth', None),
    ('half.pth', None)])
def test_damaged_files_are_named(tmp_path, name, content):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    else:
        torch.save([torch.ones(99)], path)
    if name == 'half.pth':
        path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(InputError, match=f'{name}: (cannot be read as a checkpoint|holds a list, not)'):
        read_checkpoint(str(path))
    with pytest.raises(MissingFileError, match=f'no_{name}: no such checkpoint file'):
        read_checkpoint(str(tmp_path / f'no_{name}'))
