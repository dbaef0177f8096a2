"""Latency, throughput, memory, parameters and GMACs of a config's model, alone or compared with another.

    python tools/analysis/benchmark.py CONFIG [--vs plain | --vs OTHERS] [--train] [--dtype bf16] [--compile]
    python tools/analysis/benchmark.py CONFIG --sweep frames=8,16,32,64 --plot growth.png

All candidates are timed in turns, in one process and on the same random inputs, so that noise of the machine
affects all of them; the ratios of each turn count. ``--vs plain`` is the same model computed exactly as its
equations are written, with attention matrices materialised and nothing left out, in float32: the cost of the
release. The machine's own rate of matrix products in the same dtype is printed, too. Peak memory is that of a
second pass in a separate process, minus the memory in use before (on a GPU: the allocator's). With
MALLOC_MMAP_MAX_=0 and MALLOC_TRIM_THRESHOLD_=100000000000 in the environment, the C library keeps freed
memory instead of requesting it again, which matters to plain.
"""
import argparse
import ctypes
import functools
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Callable, Dict, List

import torch
from mmengine import DictAction
from rich.progress import track
from torch.utils.flop_counter import FlopCounterMode

import projects.cast  # noqa: F401
from mmaction.registry import MODELS
from mmaction.utils import register_all_modules
from projects.cast.engine import read_config
from projects.cast.models import Expert, MultiExpertViT, set_plain
from projects.cast.utils import run_tool

Inputs = Dict[str, torch.Tensor]
DTYPES = {'fp32': torch.float32, 'bf16': torch.bfloat16}


def build(config: str, options: dict, plain: bool = False) -> torch.nn.Module:
    """Builds the config's model with random weights, even where training starts from zero weights."""
    cfg = read_config(config, options)
    for part in [cfg.model.backbone, *cfg.model.backbone.get('experts', {}).values()]:
        if 'checkpoint' in part:
            part.checkpoint = None
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    set_plain(model.backbone, plain)
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.02)
    return model


class Candidate:
    """A model that is ready to be timed.

    Args:
        model: The recognizer.
        inputs: Inputs of the backbone, by modality.
        dtype: Dtype of the weights in inference, and of autocast in training.
        train: Whether to time a training step (forward, backward, optimizer) instead of inference.
        compiled: Whether to compile the backbone.
    """

    def __init__(self, model: torch.nn.Module, inputs: Inputs, dtype: torch.dtype, train: bool,
                 compiled: bool) -> None:
        self.device = next(iter(inputs.values())).device
        self.model, self.inputs, self.dtype = model.to(self.device).train(train), inputs, dtype
        if train:
            self.optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 1e-5)
        else:
            self.model = self.model.to(dtype)
            self.inputs = {k: v if k == 'times' else v.to(dtype) for k, v in inputs.items()}
        if compiled:
            model.backbone.compile()
        self.run: Callable[[], object] = self.step if train else self.infer

    def forward(self) -> Dict[str, torch.Tensor]:
        """Computes the features of each expert."""
        clip_only = set(self.inputs) == {'video'}  # as MMAction2's own backbones need it
        return self.model.backbone(self.inputs['video'] if clip_only else self.inputs)

    def infer(self) -> Dict[str, torch.Tensor]:
        """Computes the features without autograd."""
        with torch.inference_mode():
            return self.forward()

    def step(self) -> float:
        """Runs a training step on an artificial loss, and returns the loss."""
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            scores = self.model.cls_head(self.forward())
        scores = scores.values() if isinstance(scores, dict) else [scores]
        loss = sum(s.float().square().mean() for s in scores)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return float(loss)

    def seconds(self, clock: Callable[[], float] = time.perf_counter) -> float:
        """Measures the time of one run."""
        synchronize(self.device)
        start = clock()
        self.run()
        synchronize(self.device)
        return clock() - start


def synchronize(device: torch.device) -> None:
    """Waits for a GPU."""
    if device.type == 'cuda':
        torch.cuda.synchronize()


def matmul_rate(dtype: torch.dtype, device: torch.device, seconds: float = 1.) -> float:
    """Measures matrix products of ViT-B's size, in 1e9 multiply-accumulates per second; the best of three."""
    a, b = torch.randn(1568, 768, device=device).to(dtype), torch.randn(768, 3072, device=device).to(dtype)
    rates = []
    for _ in range(3):
        count, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds / 3:
            a @ b
            synchronize(device)
            count += 1
        rates.append(count * a.numel() * b.shape[1] / (time.perf_counter() - start) / 1e9)
    return max(rates)


def count_gmacs(run: Callable[[], object]) -> float:
    """Counts multiply-accumulates, in 1e9."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # the counter does not support it
    try:
        with FlopCounterMode(display=False) as counter:
            run()
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return counter.get_total_flops() / 2e9


def gmacs(candidate: Candidate) -> float:
    """Counts the GMACs of one clip's forward pass."""
    return count_gmacs(candidate.infer) / len(next(iter(candidate.inputs.values())))


def map_tensors(on: bool) -> None:
    """Makes glibc request every tensor from the system and return it at once; not for timing."""
    libc, mmap_threshold, trim_threshold = ctypes.CDLL(None), -3, -1
    highest = 1 << 25  # the limit up to which glibc raises the first, and the second to twice that
    libc.mallopt(mmap_threshold, 1 << 16 if on else highest)
    libc.mallopt(trim_threshold, 1 << 16 if on else 2 * highest)


def resident_memory(run: Callable[[], object]) -> float:
    """Returns the GiB by which the process grows during a run; Linux only, after :func:`map_tensors`."""
    def resident() -> int:
        return int(Path('/proc/self/statm').read_text().split()[1])

    before = highest = resident()
    done = threading.Event()

    def watch() -> None:
        nonlocal highest
        while not done.wait(0.002):
            highest = max(highest, resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        run()
    finally:
        done.set()
        watcher.join()
    return (highest - before) * os.sysconf('SC_PAGE_SIZE') / 2**30


def peak_memory(device: torch.device, candidate: Candidate) -> float:
    """Returns the GiB that a run adds; a first run, which may compile, is not counted."""
    candidate.run()
    if device.type == 'cuda':
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        candidate.run()
        return (torch.cuda.max_memory_allocated() - before) / 2**30
    return resident_memory(candidate.run)


def candidates(args) -> Dict[str, Callable[[], Candidate]]:
    """Returns functions that build the config's model and those that it is compared with, by name."""
    def make(config: str, options: dict = {}, plain: bool = False) -> Candidate:
        model = build(config, options, plain)
        dtype = torch.float32 if plain else DTYPES[args.dtype]
        return Candidate(model, make_inputs(model, args), dtype, args.train, args.compile and not plain)

    options = args.cfg_options or {}
    made = {'config': lambda: make(args.config, options)}
    for other in args.vs:
        if other == 'plain':
            made['plain'] = lambda: make(args.config, options, plain=True)
        else:
            made[Path(other).stem] = functools.partial(make, other)
    return made


def make_inputs(model: torch.nn.Module, args) -> Inputs:
    """Makes random inputs of a model: clips of the given size, the others of their native size."""
    backbone, shapes = model.backbone, {'video': (3, args.frames, args.size, args.size)}
    if isinstance(backbone, MultiExpertViT):
        shapes = {name: shapes.get(name, shape) for name, shape in backbone.modality_shapes().items()}
        shapes |= backbone.side_inputs(shapes)
    elif isinstance(backbone, Expert) and backbone.modality != 'video':
        shapes = {backbone.modality: backbone.input_shape()}
    torch.manual_seed(0)
    return {name: torch.randn(args.batch_size, *shape, device=args.device) for name, shape in shapes.items()}


def measure(args) -> dict:
    """Times all candidates in turns."""
    built = {name: make() for name, make in candidates(args).items()}
    if args.device == 'meta':
        return {name: dict(gmacs=gmacs(candidate)) for name, candidate in built.items()}
    for candidate in built.values():
        for _ in range(args.warmup):
            candidate.run()
    times: Dict[str, List[float]] = {name: [] for name in built}
    title = f'{args.frames} frames, {args.size} px'
    clock = time.process_time if args.cpu_time else time.perf_counter
    for _ in track(range(args.repeats), title, disable=args.quiet):
        for name, candidate in built.items():
            times[name].append(candidate.seconds(clock))
    results = {}
    shares = not args.train and not args.cpu_time
    rate = matmul_rate(DTYPES[args.dtype], torch.device(args.device)) if shares else 0.
    for name, candidate in built.items():
        parameters = list(candidate.model.parameters())
        median = statistics.median(times[name])
        results[name] = dict(
            seconds=times[name], median=median, spread=[min(times[name]), max(times[name])],
            clips_per_second=args.batch_size / median, gmacs=gmacs(candidate),
            parameters=sum(p.numel() for p in parameters),
            learnable=sum(p.numel() for p in parameters if p.requires_grad))
        if shares:
            results[name]['matmul_share'] = results[name]['gmacs'] * args.batch_size / median / rate
        ratios = [b / a for a, b in zip(times['config'], times[name])]
        results[name]['speedup'] = dict(median=statistics.median(ratios), spread=[min(ratios), max(ratios)])
    if 'plain' in built and not args.train:
        a, b = built['config'].infer(), built['plain'].infer()
        results['plain']['difference'] = max(float((a[k].float() - b[k].float()).abs().max()) for k in a)
    return results


def memory(names: List[str]) -> Dict[str, float]:
    """Measures the peak memory of each candidate in a separate process."""
    result = {}
    env = {k: v for k, v in os.environ.items() if not k.startswith('MALLOC_')}
    for name in names:
        command = [sys.executable, __file__, *sys.argv[1:], '--memory-of', name]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=env).stdout
        result[name] = float(output.rpartition('PEAK ')[2])
    return result


def show(results: dict, args) -> None:
    """Prints the table."""
    if args.device == 'meta':
        for name, result in results.items():
            print(f'{name}, {args.frames} frames of {args.size} px: {result["gmacs"]:.4g} GMACs')
        return
    what = 'training step' if args.train else 'inference'
    print(f'\n{what}, batch {args.batch_size}, {args.frames} frames of {args.size} px, {args.dtype}'
          f'{", compiled" if args.compile else ""}, {args.device}, {torch.get_num_threads()} threads, '
          f'{"CPU time, " if args.cpu_time else ""}'
          f'{args.repeats} repeats')
    width = max(map(len, results))
    print(f'{"":{width}} {"median s":>9} {"min–max s":>15} {"clips/s":>8} {"peak GiB":>9} {"GMACs":>7} '
          f'{"of matmul":>9} {"params M":>9} {"learnable M":>11}')
    for name, r in results.items():
        share = f'{100 * r["matmul_share"]:.0f} %' if 'matmul_share' in r else ''
        spread = '{:.2f}–{:.2f}'.format(*r['spread'])
        peak = f'{r["peak_gib"]:.2f}' if 'peak_gib' in r else ''
        print(f'{name:{width}} {r["median"]:9.3f} {spread:>15} {r["clips_per_second"]:8.2f} '
              f'{peak:>9} {r["gmacs"]:7.1f} {share:>9} '
              f'{r["parameters"] / 1e6:9.2f} {r["learnable"] / 1e6:11.2f}')
    for name in list(results)[1:]:
        ratio = results[name]['speedup']
        print(f'speed-up over {name}, turn by turn: {ratio["median"]:.2f} '
              '({:.2f}–{:.2f})'.format(*ratio['spread']))
        if 'difference' in results[name]:
            print(f'largest difference of a feature: {results[name]["difference"]:.1e}')


def sweep(args) -> List[dict]:
    """Measures at several frame counts or frame sizes."""
    key, _, values = args.sweep.partition('=')
    rows = []
    for value in map(int, values.split(',')):
        setattr(args, key, value)
        results = measure(args)
        show(results, args)
        rows.append({key: value, 'results': results})
    return rows


def draw(rows: List[dict], path: str, unit: str, labels: List[str]) -> None:
    """Draws how compute and, if it was measured, time grow, per ``unit``."""
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    labels_of = {'gmacs': 'GMACs a clip', 'median': f'seconds a {unit}'}
    drawn = [quantity for quantity in labels_of if quantity in rows[0]['results']['config']]
    size = 5.5 * len(drawn), 4
    fig, axes = plt.subplots(1, len(drawn), figsize=size, layout='constrained', squeeze=False)
    key = next(iter(rows[0]))
    values, shown = [r[key] for r in rows], dict(zip(rows[0]['results'], labels))
    for ax, quantity in zip(axes[0], drawn):
        for name in rows[0]['results']:
            ax.plot(values, [r['results'][name][quantity] for r in rows], 'o-', label=shown.get(name, name))
        ax.set(xlabel='frames' if key == 'frames' else 'height and width in pixels', xticks=values,
               ylabel=labels_of[quantity], ylim=(0, None))
    axes[0, 0].legend()
    fig.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('config')
    parser.add_argument('--vs', nargs='+', default=[], help="'plain' or other configs")
    parser.add_argument('--train', action='store_true', help='time a training step instead of inference')
    parser.add_argument('--dtype', choices=DTYPES, default='fp32')
    parser.add_argument('--compile', action='store_true')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu',
                        help='meta: count GMACs without computing anything')
    parser.add_argument('--batch-size', type=int, default=1)
    parser.add_argument('--frames', type=int, default=16)
    parser.add_argument('--size', type=int, default=224)
    parser.add_argument('--warmup', type=int, default=1)
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--cpu-time', action='store_true',
                        help='time that the process computes, in all threads; for shared machines')
    parser.add_argument('--sweep', metavar='frames=8,16|size=160,224', help='measure at several values')
    parser.add_argument('--plot', metavar='PNG', help='plot the result of --sweep')
    parser.add_argument('--labels', nargs='+', default=[], help='names in the plot: of CONFIG, then of --vs')
    parser.add_argument('--json', metavar='FILE', help='write all results')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    parser.add_argument('--quiet', action='store_true', help='hide the progress bar')
    parser.add_argument('--memory-of', help=argparse.SUPPRESS)
    args = parser.parse_args()
    register_all_modules()
    if args.memory_of:
        map_tensors(True)
        print('PEAK', peak_memory(torch.device(args.device), candidates(args)[args.memory_of]()))
        return
    if args.sweep:
        results = sweep(args)
        if args.plot:
            draw(results, args.plot, 'training step' if args.train else 'batch', args.labels)
    else:
        results = measure(args)
        for name, gib in memory([] if args.device == 'meta' else list(results)).items():
            results[name]['peak_gib'] = gib
        show(results, args)
    if args.json:
        machine = dict(machine=platform.processor() or platform.machine(), torch=torch.__version__,
                       device=torch.cuda.get_device_name() if 'cuda' in args.device else 'cpu')
        with open(args.json, 'w', encoding='utf-8') as file:
            json.dump(dict(arguments=vars(args), **machine, results=results), file, indent=1)


if __name__ == '__main__':
    run_tool(main)
