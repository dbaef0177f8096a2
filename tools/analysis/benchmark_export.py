"""Compares the forms of a model that tools/export.py writes: size, memory, speed, and what they predict.

    python tools/analysis/benchmark_export.py CONFIG [CHECKPOINT] [--forms ...] [--accuracy | --features]

The forms are timed in turns, in one process and on the same clips, so that noise of the machine affects all
of them; the ratios of each turn to PyTorch in float32 count. Memory is what a process of its own gains at
most from loading the file until it has scored a second batch. With --accuracy, all forms also score the test
set of the config. Without a checkpoint the weights are random, also where training starts from zero, and
--features compares the features of the experts. The exported files stay in --work-dir, and are not written
again if they are there.
"""
import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np
import torch
from benchmark import build
from mmengine import Config, DictAction
from rich.progress import track

from mmaction.registry import DATASETS, METRICS
from mmaction.utils import register_all_modules
from projects.cast.datasets import pipeline_of
from projects.cast.engine import read_config
from projects.cast.export import ExportedModel, Scorer, at_size, describe, write
from projects.cast.hub import open_model
from projects.cast.utils import InputError, run_tool

BASE = 'PyTorch, fp32'
FORMS = {  # file, int8, bf16, compiled
    'PyTorch, bf16': ('bf16.pt2', None, True, False),
    'compiled, fp32': ('fp32.pt2', None, False, True),
    'compiled, bf16': ('bf16.pt2', None, True, True),
    'PyTorch, int8 towers': ('int8-towers.pt2', 'towers', False, False),
    'compiled, int8 towers': ('int8-towers.pt2', 'towers', False, True),
    'PyTorch, int8 all': ('int8-all.pt2', 'all', False, False),
    'compiled, int8 all': ('int8-all.pt2', 'all', False, True),
    'onnxruntime, fp32': ('fp32.onnx', None, False, False),
    'onnxruntime, int8 towers': ('int8-towers.onnx', 'towers', False, False),
    'onnxruntime, int8 all': ('int8-all.onnx', 'all', False, False)}
WITHOUT_TORCH = 'predict_onnx.py, fp32'
Arrays = Dict[str, np.ndarray]


class Eager(ExportedModel):
    """PyTorch's model as it is, with the interface of an exported one."""

    def __init__(self, scorer: Scorer) -> None:
        self.scorer, self.outputs = scorer, scorer.outputs

    def __call__(self, **inputs: Any) -> Arrays:
        """Scores a batch of clips."""
        with torch.no_grad():
            scores = self.scorer(*(torch.as_tensor(inputs[name]) for name in self.scorer.inputs))
        return dict(zip(self.outputs, (score.numpy() for score in scores)))


def make(args, bf16: bool = False) -> Tuple[Any, Scorer]:
    """Builds the model, and what is exported of it."""
    if args.checkpoint:
        model = open_model(read_config(args.config, args.cfg_options), args.checkpoint, 'cpu')
    else:
        model = build(args.config, args.cfg_options or {})
    at_size(model)
    if bf16:
        model.backbone.bfloat16()
    return model, Scorer(model, args.features)


def export(args, form: str) -> None:
    """Writes the file of a form unless it is there."""
    file, int8, bf16, _ = FORMS[form]
    if (args.work_dir / file).is_file():
        return
    cfg = read_config(args.config, args.cfg_options)
    model, scorer = make(args, bf16)
    metadata = describe(model, scorer, cfg, pipeline_of(cfg), precision=file)
    write(scorer, str(args.work_dir / file), metadata, int8)


def open_form(args, form: str) -> ExportedModel:
    """Loads a form."""
    if form == BASE:
        return Eager(make(args)[1])
    file, *_, compiled = FORMS[form]
    return ExportedModel(args.work_dir / file, torch.get_num_threads(), compiled)


def random_batch(scorer: Scorer, number: int) -> Arrays:
    """Makes a batch of noise."""
    draw = np.random.default_rng(0)
    return {name: draw.integers(256, size=(number, *shape), dtype=np.uint8) if dtype == torch.uint8 else
            draw.standard_normal((number, *shape)).astype(np.float32)
            for (name, shape), dtype in zip(scorer.inputs.items(), scorer.dtypes().values())}


def memory(args, form: str) -> float:
    """Returns the GiB that a form needs, measured in another process."""
    command = [sys.executable, __file__, *sys.argv[1:], '--memory-of', form]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return float(output.rpartition('PEAK ')[2])


def resident(key: str) -> float:
    """Returns the resident memory of this process in GiB, now (``VmRSS``) or at most (``VmHWM``)."""
    line = next(line for line in Path('/proc/self/status').read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) / 2**20


def peak(args, form: str) -> float:
    """Returns the GiB that this process gains at most from loading a form and using it twice."""
    batch = dict(np.load(args.work_dir / 'batch.npz'))
    before = resident('VmRSS')
    model = open_form(args, form)
    for _ in range(2):
        model(**batch)
    return resident('VmHWM') - before  # getrusage counts what the parent process had, too


def time_all(args, models: Dict[str, ExportedModel], batch: Arrays) -> Dict[str, List[float]]:
    """Times the forms in turns."""
    seconds: Dict[str, List[float]] = {form: [] for form in models}
    for turn in track(range(args.repeats + 1), 'turns', disable=args.quiet):
        for form, model in models.items():
            start = time.perf_counter()
            model(**batch)
            if turn:  # the first one compiles, and warms up
                seconds[form].append(time.perf_counter() - start)
    return seconds


def accuracies(cfg: Config, models: Dict[str, ExportedModel], args) -> Dict[str, dict]:
    """Returns the metrics of the test set, and in how many samples the best class of any task is another."""
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    metrics = {form: METRICS.build(cfg.test_evaluator) for form in models}
    changed = dict.fromkeys(models, 0)
    if WITHOUT_TORCH in models:
        sys.path.insert(0, str(Path(__file__).parents[1]))
        from predict_onnx import read_views
    for i in track(range(len(dataset)), 'test set', disable=args.quiet):
        best: Dict[str, Dict[str, int]] = {}
        packed, info = dataset[i], dataset.get_data_info(i)
        for form, model in models.items():
            inputs = packed['inputs']
            if form == WITHOUT_TORCH:
                segment = [info[key] for key in ('start_time', 'stop_time') if key in info]
                inputs = torch.from_numpy(read_views(info['filename'], model.metadata, *segment))
            scores = {task: torch.from_numpy(score) for task, score in model.predict(inputs).items()}
            best[form] = {task: int(score.argmax()) for task, score in scores.items()}
            sample = packed['data_samples'].clone()
            sample.set_pred_score(scores if len(scores) > 1 else next(iter(scores.values())))
            metrics[form].process({}, [sample.to_dict()])
            changed[form] += best[form] != best[BASE]
    return {form: dict(metrics[form].evaluate(len(dataset)), changed=changed[form], samples=len(dataset))
            for form in models}


def distance(found: Arrays, expected: Arrays) -> float:
    """Returns the largest relative distance (L2) of an output."""
    return max(float(np.linalg.norm(found[name] - value) / np.linalg.norm(value))
               for name, value in expected.items())


def show(results: Dict[str, dict], args) -> None:
    """Prints a table in Markdown."""
    print(f'\nbatch {args.batch_size}, {torch.get_num_threads()} threads, {args.repeats} turns, torch '
          f'{torch.__version__}\n')
    measures = [key for key in results[BASE] if key.endswith('top1')] + [
        key for key in ('changed', 'distance') if key in results[BASE]]
    print(f'| form | file, MB | memory, GiB | seconds | times PyTorch\'s speed | {" | ".join(measures)} |')
    print('|---' * (5 + len(measures)) + '|')
    for form, r in results.items():
        values = [f'{r[key]:.1e}' if key == 'distance' else f'{r[key]:.4g}' for key in measures]
        speed = ['{:.3f}'.format(r['median']), '{:.2f} ({:.2f}–{:.2f})'.format(*r['speedup'])] \
            if 'median' in r else ['', '']
        size, most = (f'{r[key]:.{n}f}' if key in r else '' for key, n in (('megabytes', 0), ('gib', 2)))
        print('| ' + ' | '.join([form, size, most, *speed, *values]) + ' |')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('config')
    parser.add_argument('checkpoint', nargs='?', help='without one, the weights are random')
    parser.add_argument('--forms', nargs='+', default=[*FORMS], choices=FORMS, metavar='FORM',
                        help=f'some of: {"; ".join(FORMS)} (default: all)')
    parser.add_argument('--accuracy', action='store_true', help='score the test set, too')
    parser.add_argument('--features', action='store_true', help='export features in place of scores')
    parser.add_argument('--batch-size', type=int, default=1)
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--no-memory', action='store_true', help='do not measure memory')
    parser.add_argument('--work-dir', type=Path, help='of the exported files (default: work_dirs/export)')
    parser.add_argument('--json', metavar='FILE', help='write all results')
    parser.add_argument('--quiet', action='store_true', help='hide the progress bars')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    parser.add_argument('--memory-of', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.accuracy and args.features:
        raise InputError('--accuracy and --features: features have no accuracy; choose one of them')
    args.work_dir = args.work_dir or Path('work_dirs/export') / Path(args.config).stem
    register_all_modules()
    if args.memory_of:
        print('PEAK', peak(args, args.memory_of))
        return
    for form in track(args.forms, 'exporting', disable=args.quiet):
        export(args, form)
    base = Eager(make(args)[1])
    batch = random_batch(base.scorer, args.batch_size)
    np.savez(args.work_dir / 'batch.npz', **batch)
    results: Dict[str, dict] = {form: {} for form in [BASE, *args.forms]}
    for form in results if not args.no_memory else ():
        results[form]['gib'] = memory(args, form)
    models = {BASE: base, **{form: open_form(args, form) for form in args.forms}}
    seconds = time_all(args, models, batch)
    expected = base(**batch)
    for form, turns in seconds.items():
        if turns:
            ratios = [a / b for a, b in zip(seconds[BASE], turns)]
            results[form] |= dict(seconds=turns, median=statistics.median(turns), speedup=[
                statistics.median(ratios), min(ratios), max(ratios)])
        if form != BASE:
            results[form]['megabytes'] = (args.work_dir / FORMS[form][0]).stat().st_size / 1e6
        results[form]['distance'] = distance(models[form](**batch), expected)
    if args.accuracy:
        if set(batch) == {'video'} and 'onnxruntime, fp32' in models:
            models[WITHOUT_TORCH], results[WITHOUT_TORCH] = models['onnxruntime, fp32'], dict(distance=np.nan)
        for form, found in accuracies(read_config(args.config, args.cfg_options), models, args).items():
            results[form] |= found
    show(results, args)
    if args.json:
        Path(args.json).write_text(json.dumps(dict(results=results, torch=torch.__version__), indent=1))


if __name__ == '__main__':
    run_tool(main)
