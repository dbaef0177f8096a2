"""The built package: with configs and tools, in an empty folder, and beside somebody else's ``projects``."""
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
import torch
from conftest import ENV, MINI, ROOT, randomised
from mmengine import Config

NAME = MINI.stem
SOURCES = ('projects', 'configs', 'tools', 'cast_mmaction2.py', 'setup.py', 'pyproject.toml', 'MANIFEST.in',
           'README.md', 'LICENSE', 'model-index.yml')
SCRIPT = f'''
import sys
from projects.cast import load
from projects.cast.apis import CASTInferencer
from projects.cast.hub import shipped
from mmaction.apis.inferencers import MMAction2Inferencer
checkpoint, video, verbs, nouns = sys.argv[1:]
model, classes = load({NAME!r}, checkpoint, 'cpu', [verbs, nouns])
print('classes', sorted(classes['verb']))
(ours, ) = CASTInferencer({NAME!r}, checkpoint, 'cpu', [verbs, nouns])(video)['predictions']
(theirs, ) = MMAction2Inferencer({NAME!r}, checkpoint, 'cpu')(video)['predictions']
print('verb', classes['verb'].index(ours['verb'][0][0]), theirs['rec_labels'][0]['verb'])
print('root', shipped())
for name, module in sys.modules.items():
    if name.startswith('projects') and getattr(module, '__file__', None):
        print('file', module.__file__)
'''


def call(*command, cwd, ok=True):
    """What a command prints, with nothing of this checkout on its path."""
    env = {key: value for key, value in ENV.items() if key != 'PYTHONPATH'}
    result = subprocess.run([*map(str, command)], cwd=cwd, env=env, text=True, timeout=240,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert (result.returncode == 0) == ok, result.stdout[-3000:]
    return result.stdout


@pytest.fixture(scope='module')
def python(tmp_path_factory):
    """An interpreter with the wheel, made from the source archive, and the other libraries of this one.

    Its own .pth file lists the folder of these libraries; an editable installation in there has no effect.
    """
    folder = tmp_path_factory.mktemp('wheel')
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    call(sys.executable, 'setup.py', '-q', 'sdist', cwd=folder)
    (archive, ) = (folder / 'dist').iterdir()
    pip = sys.executable, '-m', 'pip', '-q', '--disable-pip-version-check'
    options = '--no-deps', '--no-index'
    call(*pip, 'wheel', *options, '--no-build-isolation', '-w', 'wheels', archive, cwd=folder)
    venv.create(folder / 'env', symlinks=True)
    (packages, ) = folder.glob('env/lib/python*/site-packages')
    others = [path for path in sys.path if Path(path).name == 'site-packages']
    (packages / 'others.pth').write_text('\n'.join(others))
    (wheel, ) = (folder / 'wheels').iterdir()
    shutil.unpack_archive(wheel, packages, 'zip')
    return folder / 'env/bin/python'


@pytest.fixture(scope='module')
def arguments(mini_root, tmp_path_factory):
    """A checkpoint of the mini model, a video, and files of class names."""
    checkpoint = tmp_path_factory.mktemp('run') / 'epoch_1.pth'
    torch.save(dict(state_dict=randomised(Config.fromfile(MINI).model, 0.1).state_dict()), checkpoint)
    names = [mini_root / f'EPIC_100_{task}_classes.csv' for task in ('verb', 'noun')]
    return [checkpoint, mini_root / 'P01/videos/P01_01.mp4', *names]


def test_in_an_empty_folder(python, arguments, tmp_path):
    lines = call(python, '-c', SCRIPT, *arguments, cwd=tmp_path).splitlines()
    found = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines if ' ' in line}
    assert found['classes'].startswith("['lift', 'lower'")
    number, label = found['verb'].split(maxsplit=1)
    assert label == f'[{number}]'
    files = [line.split()[1] for line in lines if line.startswith('file ')]
    home = str(python.parents[1])
    assert len(files) > 90 and all(file.startswith(home) for file in files)  # none of this checkout
    assert found['root'].startswith(home) and found['root'].endswith('projects/cast/.mim')
    assert [*tmp_path.iterdir()] == []


def test_beside_somebody_elses_projects(python, arguments, tmp_path):
    """Their package hides ours, unless ``cast_mmaction2`` is imported first; then both are there."""
    theirs = tmp_path / 'projects'
    theirs.mkdir()
    (theirs / '__init__.py').touch()
    (theirs / 'own.py').write_text('number = 7')
    out = call(python, '-c', 'import projects.cast', cwd=tmp_path, ok=False)
    assert "No module named 'projects.cast'" in out
    out = call(python, '-c', 'import cast_mmaction2, projects.cast, projects.own\n'
               'print(projects.own.number, cast_mmaction2.load is projects.cast.load)', cwd=tmp_path)
    assert out.splitlines()[-1] == '7 True'
    checkpoint, video, *names = arguments
    out = call(python, '-m', 'cast_mmaction2', 'demo', video, NAME, checkpoint, '--device', 'cpu', '--topk',
               6, '--label-map', *names, cwd=tmp_path)
    assert 'slide-left' in out and 'action' in out


def test_beside_another_projects_cast(python, tmp_path):
    (tmp_path / 'projects/cast').mkdir(parents=True)
    for folder in ('projects', 'projects/cast'):
        (tmp_path / folder / '__init__.py').touch()
    out = call(python, '-m', 'cast_mmaction2', cwd=tmp_path, ok=False)
    assert out.splitlines()[-1].endswith(
        "projects/cast hides CAST, which is also called projects.cast; rename that folder, or take it off "
        "Python's path")


def test_tools(python, tmp_path):
    """Those in Python are there, and know the names of configs."""
    out = call(python, '-m', 'cast_mmaction2', cwd=tmp_path, ok=False)
    listed = out.splitlines()[-1].removeprefix('The tools are ').split(', ')
    assert {'train', 'test', 'demo', 'timeline', 'hub', 'data/check', 'convert/slim_checkpoint'} <= {*listed}
    out = call(python, '-m', 'cast_mmaction2', 'host', 'analysis_tools/print_config.py', NAME, cwd=tmp_path)
    assert "type='TwoExpertViT'" in out
    root = next(python.parents[1].glob('lib/python*/site-packages/projects/cast/.mim'))
    configs = {path.relative_to(root) for path in root.glob('configs/**/*') if path.is_file()}
    expected = {path.relative_to(ROOT) for path in ROOT.glob('configs/**/*') if path.suffix != '.pyc'}
    assert configs == {path for path in expected if (ROOT / path).is_file()}
