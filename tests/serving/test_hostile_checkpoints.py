"""A checkpoint is refused before it runs anything, or takes more memory than its size."""
import os
import pickle
import resource
import sys
import zipfile

import pytest
import torch
from conftest import MINI, load_tool
from torch import nn

from projects.cast.checkpoints.reader import read_checkpoint
from projects.cast.utils import InputError


class Evil:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path, )


class WithState(nn.Module):
    """A module that runs code when TorchScript reads it."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))

    @torch.jit.export
    def __getstate__(self):
        return self.weight, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[torch.Tensor, bool]):
        raise AssertionError('ran')

    def forward(self, x):
        return x


def new_pickle(path, mark):
    torch.save(dict(state_dict=Evil(mark)), path)


def old_pickle(path, mark):
    torch.save(dict(state_dict=Evil(mark)), path, _use_new_zipfile_serialization=False)


def plain_pickle(path, mark):
    path.write_bytes(pickle.dumps(Evil(mark)))


def bomb(path, mark):
    """1 GB of zeros in a few MB."""
    torch.save(dict(x=torch.zeros(4)), path)
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in files.items():
            with archive.open(name, 'w', force_zip64=True) as entry:
                entry.write(data)
                if name.endswith('data/0'):
                    for _ in range(1024):
                        entry.write(bytes(2**20))
    assert path.stat().st_size < 2**23


def script(path, mark):
    torch.jit.script(WithState()).save(path)


FILES = dict(
    new_pickle=new_pickle, old_pickle=old_pickle, plain_pickle=plain_pickle, bomb=bomb, script=script)


@pytest.mark.parametrize('name', FILES)
def test_the_server_refuses_it(name, monkeypatch, tmp_path):
    path, mark = tmp_path / 'checkpoint.pth', tmp_path / 'mark'
    FILES[name](path, str(mark))
    monkeypatch.setattr(sys, 'argv', [
        'serve.py', str(MINI), str(path), '--cfg-options', 'label_map=None'])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError) as error:
        load_tool('serve.py').main()
    assert str(path) in str(error.value) and '\n' not in str(error.value) and 'ran' not in str(error.value)
    assert not mark.exists()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**19  # KiB; the model is smaller


def test_sound_files_are_read(tmp_path):
    """The checks let what torch writes pass, in both of its formats."""
    for new in (True, False):
        torch.save(dict(x=torch.zeros(1000)), tmp_path / 'x.pth', _use_new_zipfile_serialization=new)
        assert read_checkpoint(tmp_path / 'x.pth')['x'].shape == (1000, )
