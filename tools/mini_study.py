"""Tests the paper's claim in miniature, with two experts that are each blind to what the other sees.

    python tools/mini_study.py [ROWS] [--seeds N]    # by default, the rows that decide the claim
    python tools/mini_study.py --level hard          # more objects, weaker marks, less data

It writes videos, pre-trains two experts for each seed, trains and tests the rows, and writes tables, verdicts
and a picture to work_dirs/mini_study/LEVEL. Called again after it was stopped, it goes on where it was.
docs/evidence.md describes the study.
"""
import argparse
import copy
import json
from pathlib import Path
from typing import Dict, List, Sequence

from data.mini_kitchens.generate import check
from mmengine import Config
from mmengine.registry import init_default_scope
from study.controls import write_controls
from study.generate import LEVELS, data_key, generate
from study.jobs import Job, alone_in, check_key, do_all, key_of, write_json
from study.looks import write_looks
from study.pretrain import PRETRAINED, pretrain
from study.probes import probe_towers
from study.report import report
from study.results import TASKS, Findings, publish, read_published, read_work
from study.rows import (
    CORE,
    FIRST_SEED,
    RATES,
    ROWS,
    VERSION,
    grid_of,
    rate,
    read_rates,
    study_config,
)
from study.run import prepare, train

from projects.cast.engine import expert_configs
from projects.cast.utils import InputError, run_tool

TUNING_SEED = 99  # it is not reported


class Study:
    """The folders of a level of the study, and the jobs that fill them.

    Args:
        level: Key of LEVELS.
        work: Folder of experts and runs.
        data: Folder of videos.
    """

    def __init__(self, level: str, work: Path, data: Path) -> None:
        self.level, self.experts, self.runs, self.data = level, work / 'experts', work / level, data / level
        self.configs: Dict[str, Config] = {}  # of rows, which take a second to read

    def found(self) -> Findings:
        """Returns what has been run.

        Raises:
            InputError: If a run was made with other settings, or by another version of the study.
        """
        found = read_work(self.level, self.experts.parent, self.data.parent)
        jobs = [self.row_job(name, seed, rate(name, self.level))
                for name, runs in found.right.items() for seed in runs]
        for job in [*jobs, *([self.control_job()] if found.controls else [])]:
            check_key(job.done, job.key)
        return found

    def expert_jobs(self, seeds: Sequence[int]) -> List[Job]:
        """Returns the jobs that pre-train the experts of these seeds."""
        files = [(kind, seed, self.experts / f'{kind}_seed{seed}.pth')
                 for seed in seeds for kind in PRETRAINED.values()]
        return [Job(path.stem, path, 2., pretrain, (kind, path, seed), key_of(VERSION, kind, seed))
                for kind, seed, path in files]

    def probe_jobs(self, seeds: Sequence[int]) -> List[Job]:
        """Returns the jobs that find out what the experts know."""
        files = [(seed, self.experts / f'probes_seed{seed}.json') for seed in seeds]
        return [Job(path.stem, path, 0.3, probe_towers, (self.experts, seed, path), key_of(VERSION, seed))
                for seed, path in files]

    def control_job(self) -> Job:
        """Returns the job that finds out what single cues tell."""
        path = self.runs / 'controls.json'
        return Job('controls', path, 0.1, write_controls, (self.data, path),
                   key_of('noun, direction, mark, scene', data_key(self.level)))

    def config(self, name: str, seed: int) -> Config:
        """Returns the config of a row, with the experts of a seed."""
        if name not in self.configs:
            self.configs[name] = study_config(ROWS[name].config, ROWS[name].adapters, ROWS[name].hidden)
        config = copy.deepcopy(self.configs[name])
        for cfg in expert_configs(config.model).values():
            cfg.checkpoint = str(self.experts / f'{PRETRAINED[cfg.type]}_seed{seed}.pth')
        return prepare(config, self.data)

    def row_job(self, name: str, seed: int, lr: float, tuning: bool = False) -> Job:
        """Returns the job that trains and tests a row."""
        config = self.config(name, seed)
        folder = self.runs / (f'tuning/{name}_lr{lr:g}' if tuning else f'runs/{name}_seed{seed}')
        cost = 1.7 if config.model.backbone.get('exchanges') else 1.
        return Job(f'{self.level}, {folder.name}', folder / 'result.json', cost, train,
                   (config, folder, seed, lr, tuning), self.key(config, seed, lr))

    def key(self, config: Config, *settings: float) -> str:
        """Returns the key of a run: the version of the study, its clips, its model and how it is trained."""
        parts = config.model, config.optim_wrapper, config.param_scheduler, config.train_cfg
        return key_of(VERSION, data_key(self.level), repr(parts).replace(str(self.experts), ''), *settings)

    def look_jobs(self, seeds: Sequence[int]) -> List[Job]:
        """Returns the jobs that find out where CASTs look: those of these seeds, and those that are done."""
        jobs, done = [], (self.runs / 'runs').glob('full_seed*/result.json')
        for seed in sorted({*seeds, *(int(path.parent.name.rpartition('_seed')[2]) for path in done)}):
            folder, config = self.runs / f'runs/full_seed{seed}', self.config('full', seed)
            checkpoint = folder / f'iter_{config.train_cfg.max_iters}.pth'
            jobs.append(Job(f'{folder.name}, attention', folder / 'looks.json', 0.1, write_looks,
                            (config, checkpoint, self.data, seed, folder / 'looks.json'),
                            self.key(config, seed)))
        return jobs

    def tune(self, names: Sequence[str], processes: int) -> None:
        """Tries the grid of learning rates for each row, and widens it while the best is at its edge."""
        rates = read_rates()
        tried = rates.setdefault(self.level, {})
        for name in names:
            tried.setdefault(name, {})
        while True:
            wanted = [(name, lr) for name in names for lr in grid_of(tried[name])
                      if f'{lr:g}' not in tried[name]]
            if not wanted:
                break
            jobs = [self.row_job(name, TUNING_SEED, lr, tuning=True) for name, lr in wanted]
            do_all({f'learning rates, {self.level}': jobs}, processes)
            for (name, lr), job in zip(wanted, jobs):
                result = json.loads(job.done.read_text())
                tried[name][f'{lr:g}'] = [round(result[f'acc/{task}_top1'], 2) for task in TASKS]
            write_json(RATES, rates)
        for name in names:
            print(f'{name}: {rate(name, self.level):g}, of {tried[name]}')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('rows', nargs='*', help=f'by default, {", ".join(CORE)}')
    parser.add_argument('--all', action='store_true', help='run all rows')
    parser.add_argument('--level', choices=LEVELS, default='plain', help='difficulty of the clips')
    parser.add_argument('--seeds', type=int, help='number of seeds instead of 5 or 3, as the rows have')
    parser.add_argument('--jobs', type=int, default=2, help='number of processes, which have one thread each')
    only = parser.add_mutually_exclusive_group()
    only.add_argument('--tune', action='store_true', help='only choose the learning rates of the rows')
    only.add_argument('--report', action='store_true', help='only report what has been run')
    only.add_argument('--published', action='store_true', help='only report what docs/evidence.md shows')
    only.add_argument('--publish', action='store_true', help='only add what has been run to docs')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/mini_study'))
    parser.add_argument('--data', type=Path, default=Path('data/mini_study'))
    args = parser.parse_args()
    unknown = sorted(set(args.rows) - set(ROWS))
    if unknown:
        raise InputError(f'there is no row {", ".join(unknown)}; there are {", ".join(ROWS)}')
    check(seeds=(5 if args.seeds is None else args.seeds, 1, 50), jobs=(args.jobs, 1, 64))
    given = [*args.rows, *(['--all'] if args.all else [])]
    if given and (args.all and args.rows or args.report or args.published or args.publish):
        raise InputError(f'{" ".join(given)}: give either rows or --all, and neither of them for a report, '
                         'which has all rows that have been run')
    names = list(ROWS) if args.all else args.rows or CORE
    study = Study(args.level, args.work_dir, args.data)
    init_default_scope('mmaction')
    if args.published:
        print(report(args.level, read_published(args.level), args.work_dir / 'published' / args.level))
    elif args.report:
        print(report(args.level, study.found(), study.runs))
    elif args.publish:
        publish(args.level, study.found())
    else:
        with alone_in(args.work_dir), alone_in(args.data):
            run_all(study, names, args)


def run_all(study: Study, names: Sequence[str], args: argparse.Namespace) -> None:
    """Does everything that is not done yet."""
    runs = [(name, FIRST_SEED + i) for i in range(50) for name in names
            if i < (args.seeds or ROWS[name].seeds)]
    seeds = [TUNING_SEED] if args.tune else sorted({seed for _, seed in runs})
    rates = {} if args.tune else {name: rate(name, args.level) for name in names}
    generate(study.data, args.level)
    steps = {'experts': study.expert_jobs(seeds), 'probes': study.probe_jobs(seeds)}
    if args.tune:
        do_all(steps, args.jobs)
        study.tune(names, args.jobs)
    else:
        steps[f'rows, {args.level}'] = [study.row_job(name, seed, rates[name]) for name, seed in runs]
        looks = study.look_jobs([seed for name, seed in runs if name == 'full'])
        do_all({**steps, 'attention and controls': [*looks, study.control_job()]}, args.jobs)
        print(report(args.level, study.found(), study.runs))


if __name__ == '__main__':
    run_tool(main)
