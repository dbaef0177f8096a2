"""Compares CAST and X-ViT with MMAction2's own models: accuracy, parameters, compute, latency and memory.

    python tools/analysis/compare_zoo.py --dataset k400 [--json zoo.json] [--plot zoo.png] [--csv zoo.csv]

Models are built from the configs inside the installed MMAction2. Accuracies are those of its metafiles, and
the papers' for CAST and X-ViT; none is measured here. Latency and peak memory are of one view, batch 1, with
random weights, each model in a process of its own; views are those of the config's test pipeline.
"""
import argparse
import csv
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, List, Tuple

import torch
import yaml
from benchmark import count_gmacs, map_tensors, resident_memory
from mmengine import Config
from rich.progress import track

import mmaction
import projects.cast  # noqa: F401
from mmaction.registry import MODELS
from mmaction.utils import register_all_modules
from projects.cast.utils import run_tool

ZOO = Path(mmaction.__file__).parent / '.mim' / 'configs' / 'recognition'
OURS = Path(__file__).parents[2] / 'configs'
PAPERS = {  # table 2 of CAST, tables 3 and 4 of X-ViT
    'CAST': {'k400': 85.3, 'ssv2': 71.6},
    'X-ViT': {'k400': 80.2, 'ssv2': 67.2},
}
MODELS_OF = {
    'k400': {
        'VideoMAE-B': 'videomae/vit-base-p16_videomae-k400-pre_16x4x1_kinetics-400.py',
        'VideoMAE-L': 'videomae/vit-large-p16_videomae-k400-pre_16x4x1_kinetics-400.py',
        'UniFormerV2-B': 'uniformerv2/uniformerv2-base-p16-res224_clip_8xb32-u8_kinetics400-rgb.py',
        'MViTv2-S': 'mvit/mvit-small-p244_32xb16-16x4x1-200e_kinetics400-rgb.py',
        'MViTv2-B': 'mvit/mvit-base-p244_32x3x1_kinetics400-rgb.py',
        'Video Swin-T': 'swin/swin-tiny-p244-w877_in1k-pre_8xb8-amp-32x2x1-30e_kinetics400-rgb.py',
        'Video Swin-B': 'swin/swin-base-p244-w877_in1k-pre_8xb8-amp-32x2x1-30e_kinetics400-rgb.py',
        'TimeSformer': 'timesformer/timesformer_divST_8xb8-8x32x1-15e_kinetics400-rgb.py',
        'SlowFast R50': 'slowfast/slowfast_r50_8xb8-8x8x1-256e_kinetics400-rgb.py',
        'TSM R50': 'tsm/tsm_imagenet-pretrained-r50_8xb16-1x1x8-50e_kinetics400-rgb.py',
    },
    'ssv2': {
        'MViTv2-S': 'mvit/mvit-small-p244_k400-pre_16xb16-u16-100e_sthv2-rgb.py',
        'MViTv2-B': 'mvit/mvit-base-p244_u32_sthv2-rgb.py',
        'TSM R50': 'tsm/tsm_imagenet-pretrained-r50_8xb16-1x1x8-50e_sthv2-rgb.py',
    },
}


def config_of(dataset: str, name: str) -> Path:
    """Returns the config of a model."""
    if name in PAPERS:
        return next((OURS / name.lower().replace('-', '')).glob(f'*{dataset}-rgb.py'))
    return ZOO / MODELS_OF[dataset][name]


def published(dataset: str, name: str) -> float:
    """Returns the top-1 accuracy in percent, from MMAction2's metafile or from its paper.

    Raises:
        KeyError: If the metafile has no such config.
    """
    if name in PAPERS:
        return PAPERS[name][dataset]
    path = config_of(dataset, name)
    for entry in yaml.safe_load((path.parent / 'metafile.yml').read_text(encoding='utf-8'))['Models']:
        if entry['Name'] == path.stem or Path(entry['Config']).name == path.name:
            return entry['Results'][0]['Metrics']['Top 1 Accuracy']
    raise KeyError(f'{path.parent / "metafile.yml"} has no {path.name}')


def one_view(cfg: Config) -> Tuple[Tuple[int, ...], int]:
    """Returns the shape of one view of the config's test pipeline, and the number of views."""
    steps = {t.type: t for t in cfg.test_pipeline}
    sample = next(t for t in cfg.test_pipeline if 'clip_len' in t)
    crop = next(t for t in cfg.test_pipeline if 'crop_size' in t)
    crops = {'CenterCrop': 1, 'ThreeCrop': 3, 'TenCrop': 10}.get(crop.type) or crop.num_crops
    size, clips = crop.crop_size, sample.get('num_clips', 1)
    size = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    if steps['FormatShape'].input_format == 'NCHW':  # 2D: the frames of a clip are its segments
        return (1, clips * sample.clip_len, 3, *size), crops
    return (1, 1, 3, sample.clip_len, *size), clips * crops


def measure(dataset: str, name: str, repeats: int) -> dict:
    """Builds one model and measures one view; to be called in a separate process."""
    register_all_modules()
    map_tensors(True)
    cfg = Config.fromfile(config_of(dataset, name))
    for part in [cfg.model.backbone, *cfg.model.backbone.get('experts', {}).values()]:
        part.update({key: None for key in ('pretrained', 'checkpoint') if key in part})
    model = MODELS.build(cfg.model).eval()
    shape, views = one_view(cfg)
    view, seconds = torch.rand(shape), []

    def run():
        with torch.inference_mode():
            model(view, mode='tensor', stage='head', test_mode=True)

    peak = resident_memory(run)
    map_tensors(False)
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    learnable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    model.requires_grad_(False)  # otherwise the counter would look for gradients
    return dict(
        name=name, config=config_of(dataset, name).name, top1=published(dataset, name), views=views,
        view='x'.join(map(str, (shape[1] if shape[1] > 1 else shape[3], *shape[-2:]))),
        params_m=sum(p.numel() for p in model.parameters()) / 1e6,
        learnable_m=learnable / 1e6,
        gmacs=count_gmacs(run), seconds=statistics.median(seconds),
        fastest=min(seconds), slowest=max(seconds), peak_gib=peak)


def draw(rows: List[dict], path: str) -> None:
    """Plots accuracy against the compute and the latency of all views together."""
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    fig, axes = plt.subplots(1, 2, figsize=(11, 4.5), sharey=True, layout='constrained')
    for ax, key, label in zip(axes, ('gmacs', 'seconds'), ('GMACs of all views', 'seconds of all views')):
        for row in rows:
            ours = row['name'] in PAPERS
            x, y = row[key] * row['views'], row['top1']
            ax.plot(x, y, '*' if ours else 'o', color='#c0392b' if ours else '#34688f', ms=13 if ours else 7)
            ax.annotate(row['name'], (x, y), xytext=(5, 4), textcoords='offset points', fontsize=8)
        ax.set(xscale='log', xlabel=label)
        ax.margins(x=0.2)
        ax.grid(alpha=0.3)
    axes[0].set_ylabel('published top-1, %')
    fig.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--dataset', choices=MODELS_OF, default='k400')
    parser.add_argument('--models', nargs='+', help='measure only these models')
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--json', metavar='FILE')
    parser.add_argument('--csv', metavar='FILE')
    parser.add_argument('--plot', metavar='PNG')
    parser.add_argument('--one', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print('RESULT', json.dumps(measure(args.dataset, args.one, args.repeats)))
        return
    rows: List[dict] = []
    for name in track(args.models or [*PAPERS, *MODELS_OF[args.dataset]], 'models'):
        options = ['--dataset', args.dataset, '--repeats', str(args.repeats), '--one', name]
        output = subprocess.run([sys.executable, __file__, *options], check=True, stdout=subprocess.PIPE,
                                text=True).stdout
        rows.append(json.loads(output.rpartition('RESULT ')[2]))
    columns: Dict[str, str] = dict(
        name='model', top1='top-1, published', view='view', views='views', params_m='params M',
        learnable_m='learnable M', gmacs='GMACs a view', seconds='s a view', peak_gib='peak GiB')
    print('| ' + ' | '.join(columns.values()) + ' |\n|' + ' --- |' * len(columns))
    for row in sorted(rows, key=lambda r: -r['top1']):
        cells = [f'{row[c]:.2f}' if c in ('seconds', 'peak_gib') else f'{row[c]:.1f}'
                 if isinstance(row[c], float) else str(row[c]) for c in columns]
        print('| ' + ' | '.join(cells) + ' |')
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=1), encoding='utf-8')
    if args.csv:
        with open(args.csv, 'w', newline='', encoding='utf-8') as file:
            writer = csv.DictWriter(file, rows[0], lineterminator='\n')
            writer.writeheader()
            writer.writerows(rows)
    if args.plot:
        draw(rows, args.plot)


if __name__ == '__main__':
    run_tool(main)
