"""Measures the steps of a config's data pipelines, and what decoding once for all test views saves.

    python tools/analysis/benchmark_data.py CONFIG VIDEO [VIDEO ...] [--repeats 5] [--json FILE]
    python tools/analysis/benchmark_data.py CONFIG VIDEO --decoders decord pyav --segment 3

The second command compares decoders, in turns, on segments of 3 s at random places of the videos. One process
reads one video at a time, as a data worker does. Otherwise, the test pipeline is compared, in turns, with
running it once per view, as programs do that treat each (clip, crop) as a separate sample.
"""
import argparse
import json
import statistics
import time
from random import Random
from typing import Dict, List, Tuple

from mmengine import Config
from mmengine.dataset import Compose
from rich.progress import track

from mmaction.registry import TRANSFORMS
from mmaction.utils import register_all_modules
from projects.cast.datasets import DecodeVideo, InitVideo
from projects.cast.datasets.transforms import READERS
from projects.cast.engine import read_config
from projects.cast.utils import InputError, run_tool

Seconds = Tuple[float, float]  # to open and to decode


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


def by_decoder(pipeline: List[dict], samples: List[dict], decoders: List[str]) -> Dict[str, List[Seconds]]:
    """Measures the seconds that each decoder takes to open each sample, and to decode a clip of it."""
    found: Dict[str, List[Seconds]] = {decoder: [] for decoder in decoders}
    sampler = TRANSFORMS.build(next(t for t in pipeline if 'clip_len' in t))
    for sample in track(samples, 'decoders'):
        frame_inds = None
        for decoder in decoders:
            start = time.perf_counter()
            opened = InitVideo(decoder=decoder).transform(dict(sample))
            middle = time.perf_counter()
            if frame_inds is None:
                frame_inds = sampler.transform(dict(opened))['frame_inds']
            DecodeVideo().transform({**opened, 'frame_inds': frame_inds})
            found[decoder].append((middle - start, time.perf_counter() - middle))
            del opened  # closing the file is not counted
    return found


def segments(video: str, sample: dict, seconds: float, count: int, rng: Random) -> List[dict]:
    """Returns the sample with segments at random places.

    Raises:
        InputError: If the video is shorter.
    """
    reader = InitVideo().transform(dict(sample))
    spare = reader['total_frames'] / reader['avg_fps'] - seconds
    if spare < 0:
        raise InputError(f'{video}: has {spare + seconds:.1f} s; take less than --segment {seconds:g}')
    starts = [rng.uniform(0, spare) for _ in range(count)]
    return [{**sample, 'start_time': start, 'stop_time': start + seconds} for start in starts]


def compare_decoders(args: argparse.Namespace, config: Config) -> Dict[str, List[Seconds]]:
    """Prints what each decoder takes, and its ratio to the first one."""
    rng, samples = Random(0), []
    for video in args.videos:
        sample = sample_of(video, config)
        samples += segments(video, sample, args.segment, args.repeats, rng) if args.segment else [
            sample] * args.repeats
    found = by_decoder(config.train_pipeline, samples, args.decoders)
    total = {decoder: [sum(pair) for pair in pairs] for decoder, pairs in found.items()}
    for decoder, pairs in found.items():
        opening, decoding = (1000 * statistics.median(part) for part in zip(*pairs))
        ratios = [theirs / ours for theirs, ours in zip(total[args.decoders[0]], total[decoder])]
        print(f'{decoder:10} opening {opening:8.2f} ms, decoding {decoding:8.2f} ms; in all '
              f'{statistics.median(ratios):.2f} times faster than {args.decoders[0]} '
              f'({min(ratios):.2f}–{max(ratios):.2f})')
    return found


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
    parser.add_argument('--decoders', nargs='+', default=[], choices=READERS, help='compare only these')
    parser.add_argument('--segment', type=float, metavar='SECONDS', help='with --decoders, read segments')
    args = parser.parse_args()
    register_all_modules()
    config = read_config(args.config)
    if args.decoders:
        write(args, seconds=compare_decoders(args, config))
        return
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
    write(args, seconds=steps, speedup=ratios)


def write(args: argparse.Namespace, **results) -> None:
    """Writes all results if the user wants it."""
    if args.json:
        with open(args.json, 'w', encoding='utf-8') as file:
            json.dump(dict(arguments=vars(args), **results), file, indent=1)


if __name__ == '__main__':
    run_tool(main)
