"""Measures the steps of a config's data pipelines, and what decoding once for all test views saves.

    python tools/analysis/benchmark_data.py CONFIG VIDEO [VIDEO ...] [--repeats 5] [--json FILE]

One process reads one video at a time, as a data worker does. The test pipeline is compared, in turns, with
running it once per view, as programs do that treat each (clip, crop) as a separate sample.
"""
import argparse
import json
import statistics
import time
from typing import Dict, List

from mmengine import Config
from mmengine.dataset import Compose
from rich.progress import track

import projects.cast  # noqa: F401
from mmaction.utils import register_all_modules
from projects.cast.engine import read_config
from projects.cast.utils import run_tool


def sample_of(video: str, config: Config) -> dict:
    """Returns the video as the config's dataset would list it."""
    label = [0, 0] if isinstance(config.model.cls_head.get('num_classes'), dict) else 0
    return dict(filename=video, label=label, start_index=0, modality='RGB')


def by_step(pipeline: Compose, sample: dict) -> Dict[str, float]:
    """Measures the seconds of each transform."""
    seconds, results = {}, dict(sample)
    for transform in pipeline.transforms:
        start = time.perf_counter()
        results = transform(results)
        seconds[type(transform).__name__] = time.perf_counter() - start
    return seconds


def view_by_view(pipeline: Compose, sample: dict, crops: int) -> int:
    """Runs the pipeline again for every clip and crop, and returns the number of views."""
    names = [type(t).__name__ for t in pipeline.transforms]
    sampler = next(i for i, t in enumerate(pipeline.transforms) if hasattr(t, 'test_clips'))
    cropper = names.index('EqualCrops')
    clips, views = pipeline.transforms[sampler].num_clips, 0
    for clip in range(clips):
        for crop in range(crops):
            results = dict(sample)
            for i, transform in enumerate(pipeline.transforms):
                results = transform(results)
                if i == sampler:
                    results['frame_inds'] = results['frame_inds'].reshape(clips, -1)[clip]
                    results['num_clips'] = 1
                if i == cropper:
                    results['imgs'] = results['imgs'][crop * results['clip_len']:][:results['clip_len']]
            views += 1
    return views


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('config')
    parser.add_argument('videos', nargs='+')
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--json', metavar='FILE', help='write all results')
    args = parser.parse_args()
    register_all_modules()
    config = read_config(args.config)
    pipelines = {name: Compose(config[f'{name}_pipeline']) for name in ('train', 'test')}
    steps: Dict[str, Dict[str, List[float]]] = {name: {} for name in pipelines}
    crops, views, ratios = next((t.num_crops for t in config.test_pipeline if 'num_crops' in t), 0), 1, []
    for _ in track(range(args.repeats), 'pipelines'):
        for video in args.videos:
            sample = sample_of(video, config)
            for name, pipeline in pipelines.items():
                for step, seconds in by_step(pipeline, sample).items():
                    steps[name].setdefault(step, []).append(seconds)
            if crops:
                start = time.perf_counter()
                pipelines['test'](dict(sample))
                middle = time.perf_counter()
                views = view_by_view(pipelines['test'], sample, crops)
                ratios.append((time.perf_counter() - middle) / (middle - start))
    for name, table in steps.items():
        medians = {step: statistics.median(seconds) for step, seconds in table.items()}
        clip = next(t for t in config[f'{name}_pipeline'] if 'clip_len' in t)
        frames, total = clip.clip_len * clip.get('num_clips', 1), sum(medians.values())
        print(f'\n{name} pipeline: {1000 * total:.1f} ms a video, {frames / total:.0f} clip frames a second')
        for step, seconds in medians.items():
            print(f'  {step:20} {1000 * seconds:8.2f} ms {100 * seconds / total:5.1f} %')
    if ratios:
        print(f'\n{views} test views: {statistics.median(ratios):.1f} times faster than view by view '
              f'({min(ratios):.1f}–{max(ratios):.1f})')
    if args.json:
        with open(args.json, 'w', encoding='utf-8') as file:
            json.dump(dict(arguments=vars(args), seconds=steps, speedup=ratios), file, indent=1)


if __name__ == '__main__':
    run_tool(main)
