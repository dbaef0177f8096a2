"""The reader of checkpoint files: what people have, what is damaged, what could run code."""
import argparse
import os
import pathlib
import pickle
import zipfile

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


class Part(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 2).half()
        self.layers = torch.nn.ModuleList([torch.nn.BatchNorm1d(3)])
        self.sizes, self.table = [1, 2], {'a': 0.5}
        self.same = self.conv.weight

    def forward(self, x: torch.Tensor):
        return x + len(self.sizes) + self.table['a']


class Writes(torch.nn.Module):
    """Writes to a file when TorchScript reads it."""

    def __init__(self, path: str):
        super().__init__()
        self.weight, self.path = torch.nn.Parameter(torch.ones(2)), path

    @torch.jit.export
    def __getstate__(self):
        return self.path, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[str, bool]):
        self.path, self.training = state
        self.weight = torch.from_file(self.path, shared=True, size=4, dtype=torch.uint8).fill_(65)

    def forward(self, x):
        return x


def test_archives_are_read_without_their_code(tmp_path):
    path, harm = str(tmp_path / 'part.pt'), tmp_path / 'harm'
    torch.jit.script(Part()).save(path)
    expected, found = torch.jit.load(path).state_dict(), read_checkpoint(path)
    assert expected.keys() == found.keys() and 'layers.0.running_mean' in found
    assert all(torch.equal(t, found[name]) and t.dtype == found[name].dtype for name, t in expected.items())
    torch.jit.script(Writes(str(harm))).save(path)
    with pytest.raises(InputError, match='part.pt: is a TorchScript archive with a module that is read by'):
        read_checkpoint(path)
    assert not harm.exists()
    torch.jit.load(path)  # what the reader does not do
    assert harm.read_bytes() == b'AAAA'


@pytest.mark.parametrize('change, says', [
    (lambda name, data: (name, data.replace(b'torch.jit._pickle\nbuild_intlist', b'posix\nsystem')),
     'archive with posix.system'),
    (lambda name, data: (name, pickle.dumps([]) if name.endswith('data.pkl') else data),
     'archive with a list instead of a module'),
    (lambda name, data: (name, data[:20]), 'cannot be read as a checkpoint'),
    (lambda name, data: (name.replace('data/0', 'data/9'), data), 'cannot be read as a checkpoint')])
def test_archives_with_something_else(tmp_path, change, says):
    torch.jit.script(Part()).save(tmp_path / 'part.pt')
    with zipfile.ZipFile(tmp_path / 'part.pt') as archive:
        files = dict(change(name, archive.read(name)) for name in archive.namelist())
    with zipfile.ZipFile(tmp_path / 'part.pt', 'w') as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    with pytest.raises(InputError, match=f'part.pt: .*{says}'):
        read_checkpoint(str(tmp_path / 'part.pt'))


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
