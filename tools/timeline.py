"""Labels a video of any length over time.

    python tools/timeline.py VIDEO CONFIG CHECKPOINT --window 2 --stride 1 --out DIR

VIDEO is a file, a folder of videos, an address such as rtsp://HOST/PATH, or a webcam such as /dev/video0.
Each frame is decoded once, and so is the sound of models that listen. DIR gets windows.csv, which grows while
the video is read, and at its end timeline.csv (times in which the best class stays the same), timeline.json
(all results), timeline.png and timeline.html, a page with the video: a click on the timeline jumps there. It
needs no network. For a folder, DIR has a folder for each video.

A network stream that breaks off is opened again for --reconnect seconds. Ctrl-C ends the reading, and what
was found is written. The extra `data` is needed.
"""
import argparse
import os
import time
from pathlib import Path
from typing import Iterator, List

import projects.cast  # noqa: F401  isort: skip  must precede anything of mmaction
import torch
from _timeline_files import WindowLog, by_second, draw, segments, write_json, write_segments
from _timeline_page import write_page
from mmengine import DictAction
from rich.progress import Progress

from mmaction.utils import register_all_modules
from projects.cast.apis import Names, Scores, Timeline, read_names
from projects.cast.engine import read_config
from projects.cast.export import open_recognizer
from projects.cast.utils import InputError, list_videos, run_tool

PAUSE = 1.  # seconds between attempts to open a stream again


def is_live(source: str) -> bool:
    """Whether a source is no file, and may have no end."""
    return '://' in source or source.startswith('/dev/')


def read_live(timeline: Timeline, source: str, patience: float) -> Iterator[Scores]:
    """Yields windows of a stream, and opens it again if it breaks off.

    Times count from the first opening. What announces its length ends there.
    """
    began, last = time.monotonic(), 0.
    stream = timeline.open(source)
    while True:
        offset = max(time.monotonic() - began, last) if last else 0.
        for scores in timeline(stream):
            last = scores.stop + offset
            yield scores._replace(start=scores.start + offset, stop=last)
        if stream.complete and stream.seconds or not patience:
            return
        print(f'{source}: broke off after {last:.1f} s; opening it again')
        waited = 0.
        while True:
            time.sleep(PAUSE)
            waited += PAUSE
            try:
                stream = timeline.open(source)
                break
            except InputError:
                if waited >= patience:
                    raise


def label(timeline: Timeline, source: str, out: Path, names: Names, topk: int,
          patience: float) -> List[Scores]:
    """Writes windows.csv while the source is read, and returns all windows."""
    out.mkdir(parents=True, exist_ok=True)
    log, found = WindowLog(out / 'windows.csv', names, topk), []
    live = is_live(source)
    stream = None if live else timeline.open(source)
    try:
        with Progress() as progress:
            bar = progress.add_task(Path(source).name or source, total=stream.seconds if stream else None)
            for scores in read_live(timeline, source, patience) if stream is None else timeline(stream):
                found.append(scores)
                best = log.add(scores.start, scores.stop, scores.scores)
                progress.update(bar, completed=scores.stop)
                if live:
                    name, value = list(best.values())[-1][0]
                    progress.console.print(f'{scores.stop:8.1f} s  {name}  {100 * value:.0f} %')
    except KeyboardInterrupt:
        print('stopped; writing what was found')
    except InputError as error:
        if not found:
            raise
        print(f'{error}; writing what was found')
    finally:
        log.close()
    return found


def finish(found: List[Scores], source: str, out: Path, args: argparse.Namespace, names: Names) -> None:
    """Writes what needs all windows: seconds, segments, the picture and the page."""
    end = max(scores.stop for scores in found)
    seconds = by_second(found, names, args.topk)
    tracks = {track: segments(seconds, track, end) for track in seconds[0]}
    write_segments(out / 'timeline.csv', tracks)
    write_json(out / 'timeline.json', source=source, config=args.config, checkpoint=args.checkpoint,
               window=args.window, stride=args.stride, seconds=seconds,
               segments={track: [part._asdict() for part in parts] for track, parts in tracks.items()})
    title = f'{Path(source).name or source}, windows of {args.window:g} s every {args.stride:g} s'
    draw(out / 'timeline.png', tracks, end, title)
    video = None if is_live(source) or args.no_video else Path(source)
    write_page(out / 'timeline.html', tracks, seconds, end, title, video)
    silent = sum(scores.no_sound for scores in found)
    heard = f', {silent} of them without sound' if silent else ''
    print(f'{out}: {len(found)} windows{heard}, {end:.1f} s')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('video', help='file, folder, address or webcam')
    parser.add_argument('config', help='a config file')
    parser.add_argument('checkpoint', nargs='?', help='checkpoint, or an exported model that ends in .onnx '
                        '(default: random weights)')
    parser.add_argument('--window', type=float, default=2., metavar='SECONDS', help='length (default: 2)')
    parser.add_argument('--stride', type=float, default=1., metavar='SECONDS',
                        help='from the start of a window to that of the next (default: 1)')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/timeline'), metavar='DIR')
    parser.add_argument('--device', default='cuda:0' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--batch-size', type=int, default=4, help='windows at a time (default: 4; live: 1)')
    parser.add_argument('--views', choices=('val', 'test'), default='val', help='whose pipeline is used')
    parser.add_argument('--topk', type=int, default=5)
    parser.add_argument('--label-map', nargs='+', metavar='NAME', help='as for tools/demo.py')
    parser.add_argument('--reconnect', type=float, default=30., metavar='SECONDS',
                        help='how long to try to open a stream again (default: 30; 0: not at all)')
    parser.add_argument('--no-video', action='store_true', help='leave the video out of the page')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='same as for tools/test.py')
    args = parser.parse_args()
    sources = [args.video]
    if os.path.isdir(args.video):
        sources = [*map(str, list_videos(args.video))]
    register_all_modules()
    config = read_config(args.config, args.cfg_options)
    model = open_recognizer(config, args.checkpoint, args.device)
    names = read_names(config, args.label_map)  # after an exported model has given its own
    if args.checkpoint is None:
        print('No checkpoint: weights and scores are random; this only shows that the pipeline works.')
    failed = []
    for source in sources:
        batch_size = 1 if is_live(source) else args.batch_size
        timeline = Timeline(model, config, args.window, args.stride, batch_size, args.views)
        out = args.out
        if os.path.isdir(args.video):
            out = out / Path(source).relative_to(args.video).with_suffix('')
        try:
            found = label(timeline, source, out, names, args.topk, args.reconnect)
        except InputError as error:
            if not os.path.isdir(args.video):
                raise
            failed.append(str(error))
            continue
        if found:
            finish(found, source, out, args, names)
    if failed:
        raise InputError(f'{len(failed)} of {len(sources)} videos failed, the first: {failed[0]}')


if __name__ == '__main__':
    run_tool(main)
