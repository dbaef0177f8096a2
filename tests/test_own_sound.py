"""The example for one's own videos with sound, starting from CAST, as docs/sound_files.md says."""
import re

import numpy as np
import torch
from conftest import ROOT, run
from sounds import write_sound
from test_own_data import add_lines

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
    """All that CAST has comes from its checkpoint, and the audio expert from its own file."""
    noise = np.random.default_rng(0).standard_normal(24000) / 8
    names = [f'clip {i}.avi' for i in range(6)]
    for i, name in enumerate(names):
        write_sound(tmp_path / name, None if i in (3, 5) else noise[i::4], pictures=20, size=240)
    rows = [f'{name},{("cut", "peel", "stir")[i % 3]},{"train" if i < 4 else "val"}'
            for i, name in enumerate(names)]
    (tmp_path / 'list.csv').write_text('\n'.join(['file,label,split', *rows]))
    output = run('tools/data/folder_list.py', tmp_path / 'list.csv', tmp_path / 'own', '--sound')
    own = tmp_path / 'own/config.py'
    assert f'python tools/train.py {own}' in output and 'val: 2 clips' in output

    torch.manual_seed(1)
    options = {**tiny('spatial', 'temporal'), **{f'model.backbone.experts.{name}.checkpoint': None
                                                 for name in ('spatial', 'temporal')}}
    cast = MODELS.build(read_config(CAST, options).model).state_dict()
    torch.save(dict(meta={}, state_dict=cast), tmp_path / 'cast.pth')
    run('tools/convert/release_checkpoint.py', tmp_path / 'cast.pth', tmp_path / 'headless.pth',
        '--drop-head')
    config = read_config(EXAMPLE, tiny('spatial', 'temporal', 'audio'))
    audio = MODELS.build(config.model.backbone.experts.audio).tower.state_dict()
    torch.save(audio, tmp_path / 'audio.pth')

    add_lines(own, max_epochs=3, batch_size=2, load_from=str(tmp_path / 'headless.pth'), checkpoints=dict(
        spatial='not read', temporal='not read', audio=str(tmp_path / 'audio.pth')))
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
    tower = 'backbone.experts.audio.tower.'
    assert len(audio) > 10 and all(torch.equal(audio[name], trained[tower + name]) for name in audio)
    for name in (names[0], names[3]):
        output = run('tools/demo.py', tmp_path / name, own, tmp_path / 'run/epoch_3.pth', '--cfg-options',
                     *options)
        assert sorted(re.findall(r'%  (\w+)', output)) == ['cut', 'peel', 'stir']
        assert ('has no sound; the model heard padding instead' in output) == (name == names[3])

    (tmp_path / 'list.csv').write_text('file,labels\nclip 0.avi,cut;peel\n')
    output = run('tools/data/folder_list.py', tmp_path / 'list.csv', tmp_path / 'own', '--sound', ok=False)
    assert '--sound: its config is for one label a clip, not for labels; leave it out' in output
