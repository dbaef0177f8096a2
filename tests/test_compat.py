import os
import sys

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader

from projects.cast import compat


def test_host_imports_whole():
    import mmaction.models.localizers as localizers
    assert hasattr(localizers, 'BMN') and hasattr(localizers, 'DRN')


def test_stub_does_nothing_where_the_package_is_whole(tmp_path, monkeypatch):
    (tmp_path / 'mmaction/models/localizers/drn').mkdir(parents=True)
    (tmp_path / 'mmaction/__init__.py').touch()
    for name in [n for n in sys.modules if n.startswith('mmaction')]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    compat.stub_drn()
    assert 'mmaction.models.localizers.drn' not in sys.modules


def test_checkpoints_of_runs_and_of_tensors(tmp_path):
    state = {'weight': torch.ones(2)}
    run, plain = str(tmp_path / 'run.pth'), str(tmp_path / 'plain.pth')
    torch.save({'state_dict': state, 'message_hub': {'loss': HistoryBuffer()}}, run)
    torch.save(state, plain)
    loaded = CheckpointLoader.load_checkpoint(run, 'cpu')
    assert isinstance(loaded['message_hub']['loss'], HistoryBuffer)
    assert loaded['state_dict']._metadata['']['filename'] == run
    assert torch.equal(CheckpointLoader.load_checkpoint(plain, 'cpu')['weight'], state['weight'])
    with pytest.raises(FileNotFoundError, match='lost.pth: no such checkpoint'):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'lost.pth'))


def test_names_that_numpy_2_took_away(tmp_path, mini_root):
    """As MMAction2 uses them; numpy 1 has them itself."""
    from mmaction.utils import frame_extract
    video = str(mini_root / 'P01/videos/P01_01.mp4')
    paths, frames = frame_extract(video, short_side=32, out_dir=str(tmp_path))  # np.Inf
    assert len(paths) == len(frames) and frames[0].shape[:2] == (32, 32)
    assert np.in1d([1, 5], [5, 6]).tolist() == [False, True] and np.trapz([0., 2.], [0., 1.]) == 1


def test_last_checkpoint_that_was_not_finished(tmp_path):
    from mmengine.runner.runner import find_latest_checkpoint
    assert find_latest_checkpoint(str(tmp_path)) is None
    for i in (1, 2, 10):
        (tmp_path / f'epoch_{i}.pth').touch()
        os.utime(tmp_path / f'epoch_{i}.pth', (i, i))
    (tmp_path / 'best_acc_epoch_10.pth').touch()  # newer, but without the optimizer
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_2.pth'))
    assert find_latest_checkpoint(str(tmp_path)) == str(tmp_path / 'epoch_2.pth')
    (tmp_path / 'last_checkpoint').write_text('')
    assert find_latest_checkpoint(str(tmp_path)) == str(tmp_path / 'epoch_10.pth')
