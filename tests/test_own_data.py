"""The example for one's own videos: an edited copy, as docs/own_data.md says."""
import inspect
import re

from conftest import ROOT, run

from projects.cast.engine import derive

EXAMPLE = ROOT / 'configs/cast/example_own_data.py'


def edited(text, **values):
    """The file with other values in its lines ``name=value,``."""
    for name, value in values.items():
        text, count = re.subn(rf"^( *{name}=)[^#\n]*,", rf'\g<1>{value!r},', text, flags=re.M)
        assert count == 1, name
    return text


def test_M12_N2_the_edited_example_trains(mini_root, tmp_path):
    names = [f'clip {i}.mp4' for i in range(6)]  # with a blank, as files of people have
    for i, name in enumerate(names):
        (tmp_path / name).write_bytes((mini_root / f'P01/videos/P01_0{i % 2 + 1}.mp4').read_bytes())
    (tmp_path / 'train.txt').write_text(''.join(f'{name} {i % 3}\n' for i, name in enumerate(names)))
    (tmp_path / 'val.txt').write_text(f'{names[0]}\t0\n{names[1]}\t1\n')
    (tmp_path / 'classes.txt').write_text('cut\npeel\nstir\n')
    text = edited(
        EXAMPLE.read_text(), data_root=str(tmp_path), ann_file_train=str(tmp_path / 'train.txt'),
        ann_file_val=str(tmp_path / 'val.txt'), label_map=str(tmp_path / 'classes.txt'), clip_len=8,
        max_epochs=3, batch_size=3)
    text, count = re.subn(r"(spatial|temporal)='[^']*'", r'\1=None', text)
    assert count == 2
    own = tmp_path / 'my_data.py'
    own.write_text(text.replace("_base_ = '", f"_base_ = '{EXAMPLE.parent}/"))
    small = [f'model.backbone.experts.{name}.{key}' for name in ('spatial', 'temporal')
             for key in ('depth=1', 'embed_dims=24', 'num_heads=2')]
    exchange = 'model.backbone.exchanges.b_cast'
    options = [*small, f'{exchange}.bottleneck_dims=12', f'{exchange}.num_heads=2',
               'model.cls_head.in_channels=24', 'train_dataloader.num_workers=0',
               *(f'{split}_dataloader.persistent_workers=False' for split in ('train', 'val', 'test')),
               'val_dataloader.num_workers=0', 'train_cfg.val_interval=3']
    output = run('tools/train.py', own, '--work-dir', tmp_path / 'run', '--cfg-options', *options)
    assert 'Epoch(train) [3]' in output.replace('  ', ' ') and 'acc/top1' in output
    assert (tmp_path / 'run/epoch_3.pth').is_file()
    checkpoint = tmp_path / 'run/epoch_3.pth'
    output = run('tools/demo.py', tmp_path / names[0], own, checkpoint, '--cfg-options', *options)
    assert sorted(re.findall(r'%  (\w+)', output)) == ['cut', 'peel', 'stir']


def test_M12_the_page_and_the_example_name_what_derive_takes():
    page = (ROOT / 'docs/own_data.md').read_text().split('## What to set')[1].split('## ')[0]
    named = re.findall(r'`(\w+)`', ''.join(re.findall(r'^\|([^|]*)\|', page, flags=re.M)))
    assert set(named) == set(inspect.signature(derive).parameters) - {'base', 'keys'}
    given = set(re.findall(r'^    (\w+)=', EXAMPLE.read_text(), flags=re.M)) - {'load_from', 'model'}
    assert given == set(named) - {'data_root_val', 'ann_file_test'}
