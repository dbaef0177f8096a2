"""Small models, and small data made of real video files."""
import importlib.util
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine import Config

import projects.cast  # noqa: F401
from mmaction.registry import MODELS, RUNNERS
from mmaction.utils import register_all_modules

ROOT = Path(__file__).parents[1]
MINI = ROOT / 'configs/cast/mini/cast_mini_1xb32-u8-15e_mini-kitchens-rgb.py'
RECIPE = MINI.with_name('cast_mini-recipe_1xb32-u8x2-15e_mini-kitchens-rgb.py')
sys.path[:0] = [str(ROOT / folder) for folder in ('tests', 'tools/analysis', 'tools/data/mini_kitchens')]
SMALL = {
    'model.backbone.experts.spatial.depth': 1, 'model.backbone.experts.temporal.depth': 1,
    'train_cfg.max_epochs': 2, 'train_cfg.val_interval': 1, 'default_hooks.checkpoint.interval': 1}
ENV = {**os.environ, 'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}', 'OMP_NUM_THREADS': '1',
       'PYTHONWARNINGS': 'ignore', 'PYTHONPATH': str(ROOT)}


def run(tool, *arguments, ok=True, **env):
    """What a script below the root prints, started as users do."""
    command = ['bash' if tool.endswith('.sh') else sys.executable, tool, *map(str, arguments)]
    result = subprocess.run(command, cwd=ROOT, env={**ENV, **env}, text=True, timeout=240,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert (result.returncode == 0) == ok, result.stdout[-3000:]
    return result.stdout


def children(process):
    """Processes that a process started and that are there."""
    found = []
    for path in Path('/proc').glob('[0-9]*/stat'):
        try:
            fields = path.read_text().rpartition(')')[2].split()
        except OSError:
            continue
        if int(fields[1]) == process:
            found.append(int(path.parent.name))
    return found


@pytest.fixture(scope='session', autouse=True)
def host():
    register_all_modules()
    torch.set_num_threads(min(2, os.cpu_count() or 1))


def load_tool(path):
    """A script below tools/ as a module."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / 'tools' / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tiny_config(head=None, width=48, temporal_width=None, windows=None, **backbone):
    """A CAST of two blocks at full resolution, as the stored tensors have it."""
    size = dict(depth=2, num_heads=4)
    return dict(
        type='CASTRecognizer',
        backbone=dict(
            type='TwoExpertViT',
            experts=dict(
                spatial=dict(type='CLIPExpert', embed_dims=width, **size),
                temporal=dict(type='VideoMAEExpert', embed_dims=temporal_width or width, **size)),
            exchanges=dict(
                b_cast=dict(
                    type='BCAST', windows=windows or dict(spatial='time', temporal='space'),
                    bottleneck_dims=width // 2, num_heads=4)),
            **backbone),
        cls_head=head or dict(type='VerbNounHead', in_channels=width, average_clips='prob'))


def randomised(cfg, std=0.2):
    """A model in eval mode, with random values also where training starts from zero."""
    torch.manual_seed(0)
    model = MODELS.build(cfg).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=std)
    return model


def build_tiny(randomise=True, **kwargs):
    """A tiny model, with random values also where training starts from zero."""
    torch.manual_seed(0)
    model = MODELS.build(tiny_config(**kwargs))
    if randomise:
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
    return model


def write_frames(path, times, size=(64, 48), **options):
    """A video whose frames are shown at ``times`` in seconds, each 4 brighter than the one before."""
    av = pytest.importorskip('av')
    path.parent.mkdir(parents=True, exist_ok=True)
    tick = Fraction(1, 1000)
    with av.open(str(path), 'w') as file:
        stream = file.add_stream('libx264', rate=25, options={'crf': '10', 'g': '16', **options})
        (stream.width, stream.height), stream.pix_fmt = size, 'yuv420p'
        stream.codec_context.time_base = tick
        for i, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.full((*size[::-1], 3), 4 * (i % 64), np.uint8))
            frame.pts, frame.time_base = round(time * 1000), tick
            file.mux(stream.encode(frame))
        file.mux(stream.encode())


@pytest.fixture(scope='session')
def mini_root(tmp_path_factory):
    """Mini kitchens with a handful of actions."""
    root = tmp_path_factory.mktemp('mini_kitchens')
    load_tool('data/mini_kitchens/generate.py').generate(root, train_videos=2, val_videos=1, actions=4)
    return root


def mini_dict(root, **more):
    """Dotted keys that point the mini config at ``root``."""
    train, val = root / 'EPIC_100_train.csv', root / 'EPIC_100_validation.csv'
    options = {'default_hooks.logger.interval': 1}
    for split, ann in (('train', train), ('val', val), ('test', val)):
        options[f'{split}_dataloader.dataset.ann_file'] = ann
        options[f'{split}_dataloader.dataset.data_prefix.video'] = root
        options[f'{split}_dataloader.batch_size'] = 4
        options[f'{split}_dataloader.num_workers'] = 0
        options[f'{split}_dataloader.persistent_workers'] = False
    options |= more
    return {key: str(value) if isinstance(value, Path) else value for key, value in options.items()}


def mini_options(root, **more):
    """The same as command-line options."""
    return [f'{key}={value}' for key, value in mini_dict(root, **more).items()]


@pytest.fixture(scope='module')
def config(mini_root):
    """The mini config, pointed at small data."""
    cfg = Config.fromfile(MINI)
    cfg.merge_from_dict(mini_dict(mini_root))
    return cfg


@pytest.fixture(scope='module')
def model(config):
    """Its model, with random values everywhere."""
    return randomised(config.model)


def mini_runner(root, work_dir, config=MINI, **more):
    """A runner in this process, as tools/train.py makes it."""
    cfg = Config.fromfile(config)
    cfg.merge_from_dict(mini_dict(root, **{'work_dir': str(work_dir), 'train_cfg.max_epochs': 1,
                                           'train_cfg.val_interval': 1, 'randomness.seed': 0, **more}))
    cfg.experiment_name = str(work_dir)  # mmengine keeps loggers by this name
    return RUNNERS.build(cfg)


def tensors(checkpoint):
    """Weights and the optimizer's moments."""
    state = checkpoint['optimizer']['state']
    return [*checkpoint['state_dict'].values(), *(t for i in sorted(state) for t in state[i].values())]
