"""One's own videos, as docs/own_data.md says: its commands, and an edited copy of the example."""
import inspect
import re
import shlex
from functools import reduce

import pytest
from conftest import ROOT, run

from projects.cast.engine import derive

EXAMPLE = ROOT / 'configs/cast/example_own_data.py'


def edited(text, **values):
    """The file with other values in its lines ``name=value,``."""
    for name, value in values.items():
        text, count = re.subn(rf"^( *{name}=)[^#\n]*,", rf'\g<1>{value!r},', text, flags=re.M)
        assert count == 1, name
    return text


SMALL = [*(f'model.backbone.experts.{name}.{key}' for name in ('spatial', 'temporal')
           for key in ('depth=1', 'embed_dims=24', 'num_heads=2')),
         'model.backbone.exchanges.b_cast.bottleneck_dims=12', 'model.backbone.exchanges.b_cast.num_heads=2',
         'model.cls_head.in_channels=24', 'train_dataloader.num_workers=0', 'val_dataloader.num_workers=0',
         'test_dataloader.num_workers=0',
         *(f'{split}_dataloader.persistent_workers=False' for split in ('train', 'val', 'test'))]


@pytest.fixture
def videos(mini_root, tmp_path):
    """Folders of classes, with blanks in the names, as files of people have."""
    names = ['cut/take 1', 'cut/take 2', 'cut/take 3', 'peel/a', 'peel/b', 'stir it/c', 'stir it/d']
    for i, name in enumerate(names):
        path = tmp_path / 'own/videos' / f'{name}.mp4'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((mini_root / f'P01/videos/P01_0{i % 2 + 1}.mp4').read_bytes())
    return tmp_path / 'own/videos'


def add_lines(config, **values):
    """Hands more values to the ``derive`` of a written config."""
    config.write_text(config.read_text().replace('    _base_,\n', '    _base_,\n' + ''.join(
        f'    {key}={value!r},\n' for key, value in values.items())))


def shorten(config, **more):
    """Makes a written config small enough for a test, by lines that its page describes."""
    assert len(config.read_text().splitlines()) <= 15
    add_lines(config, clip_len=4, max_epochs=2, warmup_epochs=1, batch_size=2, **more)


def test_the_commands_of_the_page(videos, tmp_path):
    page = (ROOT / 'docs/own_data.md').read_text().split('## ')[0]
    commands = [line.strip() for line in page.splitlines() if line.strip().startswith('python tools/')]
    names = {'data/own': str(tmp_path / 'own'), 'work_dirs/own': str(tmp_path / 'run'), 'epoch_20': 'epoch_2',
             'VIDEO': str(videos / 'cut/take 1.mp4'), 'CHECKPOINT.pth': str(tmp_path / 'run/epoch_2.pth'),
             'headless.pth': str(tmp_path / 'headless.pth')}

    def do(tool):
        command, = [c for c in commands if c.startswith(f'python tools/{tool}')]
        words = [reduce(lambda text, pair: text.replace(*pair), names.items(), word)
                 for word in shlex.split(command)]
        small = ['--cfg-options', *SMALL] if tool in ('train.py', 'test.py', 'demo.py') else []
        return run(*words[1:], *small)

    output = do('data/folder_list.py')
    assert 'train: 4 clips of 4 videos' in output and 'val: 3 clips of 3 videos' in output
    config, none = tmp_path / 'own/config.py', dict(spatial=None, temporal=None)
    written = config.read_text()
    shorten(config, checkpoints=none)
    assert 'Epoch(train) [2]' in do('train.py').replace('  ', ' ')
    assert list((tmp_path / 'run').rglob('events.out.tfevents*'))  # TensorBoard's
    assert (tmp_path / 'run/epoch_2.pth').is_file()
    do('convert/release_checkpoint.py')
    config.write_text(written)
    shorten(config, checkpoints=none, load_from=names['headless.pth'])
    assert 'Load checkpoint from' in do('train.py')
    assert sorted(re.findall(r'%  (\w.*)', do('demo.py'))) == ['cut', 'peel', 'stir it']
    do('analysis/plot_run.py')
    do('test.py')
    do('analysis/plot_predictions.py')
    assert (tmp_path / 'run/clips.png').is_file()


@pytest.mark.parametrize('columns, options, result', [
    ('start,stop,labels', (), 'acc/mean_average_precision'),
    ('start,stop,verb,noun', ('--tasks', 'verb', 'noun', '--class-weights'), 'acc/action_top1'),
    ('tool,room', ('--tasks', 'tool', 'room', '--decoder', 'pyav'), 'acc/tool_top1')])
def test_segments_with_several_labels_and_tasks_train(videos, tmp_path, columns, options, result):
    rows = []
    for i, path in enumerate(sorted(videos.rglob('*.mp4'))):
        labels = [f'{"ab"[i % 2]};{"cd"[i % 2]}'] if 'labels' in columns else [f'x{i % 2}', f'y {i % 2}']
        for k in range(2):
            times = [f'{k}.0', f'0:0{k + 1}'] if 'start' in columns else []
            rows.append(','.join([str(path.relative_to(videos)), *times, *labels]))
    (tmp_path / 'list.csv').write_text('\n'.join([f'file,{columns}', *rows]))
    out = tmp_path / 'lists'
    run('tools/data/folder_list.py', tmp_path / 'list.csv', out, '--videos', videos, '--val', 0.4, *options)
    shorten(out / 'config.py', checkpoints=dict(spatial=None, temporal=None))
    work_dir = tmp_path / 'run'
    output = run('tools/train.py', out / 'config.py', '--work-dir', work_dir, '--cfg-options', *SMALL)
    assert result in output
    output = run('tools/demo.py', videos / 'peel/a.mp4', out / 'config.py', work_dir / 'epoch_2.pth',
                 '--cfg-options', *SMALL)
    assert ' a' in output if 'labels' in columns else 'x0' in output


def test_M12_N2_the_edited_example_trains(videos, tmp_path):
    names = [path.relative_to(videos) for path in sorted(videos.rglob('*.mp4'))]
    lines = [f'{name},,,{i % 3}\n' for i, name in enumerate(names)]
    (tmp_path / 'train.csv').write_text('file,start,stop,label\n' + ''.join(lines[:6]))
    (tmp_path / 'val.csv').write_text('file,label\n' + lines[6].replace(',,', ''))
    (tmp_path / 'classes.txt').write_text('cut\npeel\nstir\n')
    text = edited(
        EXAMPLE.read_text(), data_root=str(videos), ann_file_train=str(tmp_path / 'train.csv'),
        ann_file_val=str(tmp_path / 'val.csv'), label_map=str(tmp_path / 'classes.txt'), clip_len=8,
        max_epochs=3, batch_size=3)
    text, count = re.subn(r"(spatial|temporal)='[^']*'", r'\1=None', text)
    assert count == 2
    own = tmp_path / 'my_data.py'
    own.write_text(text.replace("_base_ = '", f"_base_ = '{EXAMPLE.parent}/"))
    options = [*SMALL, 'train_cfg.val_interval=3']
    output = run('tools/train.py', own, '--work-dir', tmp_path / 'run', '--cfg-options', *options)
    assert 'Epoch(train) [3]' in output.replace('  ', ' ') and 'acc/top1' in output
    assert (tmp_path / 'run/epoch_3.pth').is_file()


def test_M12_the_page_and_the_example_name_what_derive_takes():
    page = (ROOT / 'docs/own_data.md').read_text().split('## What to set')[1].split('## ')[0]
    named = re.findall(r'`(\w+)`', ''.join(re.findall(r'^\|([^|]*)\|', page, flags=re.M)))
    assert set(named) == set(inspect.signature(derive).parameters) - {'base', 'keys'}
    given = set(re.findall(r'^    (\w+)=', EXAMPLE.read_text(), flags=re.M)) - {
        'load_from', 'model', 'visualizer', 'train_dataloader', 'val_dataloader', 'test_dataloader'}
    assert given == set(named) - {'data_root_val', 'ann_file_test'}
