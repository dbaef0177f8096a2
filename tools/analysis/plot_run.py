"""Draws the curves of a run: losses and validation accuracies.

    python tools/analysis/plot_run.py WORK_DIR [--out WORK_DIR/curves.png]

Reads what the runner wrote to WORK_DIR, including all parts of a run that was interrupted and resumed.
"""
import argparse
import json
from pathlib import Path
from typing import Dict, List, Tuple

from projects.cast.utils import InputError, run_tool

Curve = List[Tuple[float, float]]


def read_curves(work_dir: Path) -> Dict[str, Curve]:
    """Returns points ``(step, value)`` by name; steps that a resumed run repeated count once.

    Raises:
        InputError: If there are no scalars in the folder.
    """
    points: Dict[str, Dict[float, float]] = {}
    for path in sorted(work_dir.glob('*/vis_data/scalars.json')):
        for line in path.read_text(encoding='utf-8').splitlines():
            scalars = json.loads(line)
            step = scalars.get('step', 0)
            for name, value in scalars.items():
                if 'loss' in name or name.startswith('acc/') and name.endswith('top1'):
                    points.setdefault(name, {})[step] = value
    if not points:
        raise InputError(f'{work_dir}: no losses or accuracies in */vis_data/scalars.json below it; give the '
                         'work directory of a training run')
    return {name: sorted(values.items()) for name, values in points.items()}


def draw(curves: Dict[str, Curve], path: Path) -> None:
    """Draws losses by iteration on the left and accuracies by epoch on the right, in one colour per task."""
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    fig, axes = plt.subplots(1, 2, figsize=(10, 3), layout='constrained')
    colours: Dict[str, str] = {}
    for name, points in curves.items():
        accuracy = name.startswith('acc/')
        task = name.removeprefix('acc/').removeprefix('loss_').removesuffix('_top1')
        axes[int(accuracy)].plot(
            *zip(*points), marker='o' if accuracy or len(points) < 3 else None,
            label=name.removeprefix('acc/'), color=colours.setdefault(task, f'C{len(colours)}'))
    axes[0].set(xlabel='iteration', ylabel='loss', ylim=(0, None))
    axes[1].set(xlabel='epoch', ylabel='validation top-1, %', xlim=(0, None), ylim=(0, 103))
    axes[1].xaxis.get_major_locator().set_params(integer=True)
    for ax, corner in zip(axes, ('upper right', 'lower right')):
        ax.grid(alpha=0.3)
        if ax.lines:
            ax.legend(loc=corner)
    fig.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('work_dir', type=Path)
    parser.add_argument('--out', type=Path, metavar='PNG', help='WORK_DIR/curves.png by default')
    args = parser.parse_args()
    out = args.out or args.work_dir / 'curves.png'
    draw(read_curves(args.work_dir), out)
    print(f'{out}: losses and accuracies')


if __name__ == '__main__':
    run_tool(main)
