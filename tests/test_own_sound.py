"""The example for one's own videos with sound, starting from CAST, as docs/sound_files.md says."""
import re

import numpy as np
import torch
from conftest import ROOT, run
from sounds import write_sound
from test_own_data import edited

from mmaction.registry import MODELS
from projects.cast.engine import read_config

EXAMPLE = ROOT / 'configs/ca2st/example_own_sound.py'
CAST = next((ROOT / 'configs/cast').glob('*k400-rgb.py'))
SIZES = {'depth': 1, 'embed_dims': 24, 'num_heads': 2}


def tiny(*experts):
    """Options for a model of one block, as a dict."""
    options = {f'model.backbone.experts.{name}.{key}': value
               for name in experts for key, value in SIZES.items()}
    for name in ('b_cast', *(f'{name}_audio' for name in experts if 'audio' in experts and name != 'audio')):
        options |= {f'model.backbone.exchanges.{name}.bottleneck_dims': 12,
                    f'model.backbone.exchanges.{name}.num_heads': 2}
        if name != 'b_cast':
            options[f'model.backbone.exchanges.{name}.layers'] = [0]
    return {**options, 'model.cls_head.in_channels': 24}


def test_fine_tuning_with_and_without_sound_from_a_cast_checkpoint(tmp_path):
    noise = np.random.default_rng(0).standard_normal(24000) / 8
    names = [f'clip {i}.avi' for i in range(4)]
    for i, name in enumerate(names):
        write_sound(tmp_path / name, None if i == 3 else noise[i::4], pictures=20, size=240)
    (tmp_path / 'train.txt').write_text(''.join(f'{name} {i % 3}\n' for i, name in enumerate(names)))
    (tmp_path / 'val.txt').write_text(f'{names[0]} 0\n{names[3]} 1\n')
    (tmp_path / 'classes.txt').write_text('cut\npeel\nstir\n')

    torch.manual_seed(1)
    options = {**tiny('spatial', 'temporal'), **{f'model.backbone.experts.{name}.checkpoint': None
                                                 for name in ('spatial', 'temporal')}}
    cast = MODELS.build(read_config(CAST, options).model).state_dict()
    torch.save(dict(meta={}, state_dict=cast), tmp_path / 'cast.pth')
    run('tools/convert/release_checkpoint.py', tmp_path / 'cast.pth', tmp_path / 'headless.pth',
        '--drop-head')

    text = edited(
        EXAMPLE.read_text(), data_root=str(tmp_path), ann_file_train=str(tmp_path / 'train.txt'),
        ann_file_val=str(tmp_path / 'val.txt'), label_map=str(tmp_path / 'classes.txt'), max_epochs=3,
        batch_size=2, load_from=str(tmp_path / 'headless.pth'))
    text, count = re.subn(r"(spatial|temporal|audio)='[^']*'", r'\1=None', text)
    assert count == 3
    own = tmp_path / 'my_sound.py'
    own.write_text(text.replace("_base_ = '", f"_base_ = '{EXAMPLE.parent}/"))
    options = [f'{key}={value}' for key, value in {
        **tiny('spatial', 'temporal', 'audio'), 'train_cfg.val_interval': 3, 'optim_wrapper.optimizer.lr': 0.,
        **{f'{split}_dataloader.{key}': value for split in ('train', 'val', 'test')
           for key, value in (('num_workers', 0), ('persistent_workers', False))}}.items()]
    output = run('tools/train.py', own, '--work-dir', tmp_path / 'run', '--cfg-options', *options)
    assert 'Epoch(train) [3]' in output.replace('  ', ' ') and 'acc/no_sound: 1.0' in output
    assert 'clip 3.avi: has no sound, and is heard as padding; 1 of' in output

    for part in ('expert audio', 'exchange spatial_audio', 'exchange temporal_audio'):
        assert f'headless.pth: has no {part}, which starts as the config says' in output
    trained = torch.load(tmp_path / 'run/epoch_3.pth', weights_only=False)['state_dict']
    kept = [name for name in cast if not name.startswith('cls_head.')]
    assert len(kept) > 50 and all(torch.equal(cast[name], trained[name]) for name in kept)  # at a rate of 0
    assert any('audio' in name for name in trained)
    for name in (names[0], names[3]):
        output = run('tools/demo.py', tmp_path / name, own, tmp_path / 'run/epoch_3.pth', '--cfg-options',
                     *options)
        assert sorted(re.findall(r'%  (\w+)', output)) == ['cut', 'peel', 'stir']
        assert ('has no sound; the model heard padding instead' in output) == (name == names[3])
