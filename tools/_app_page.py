"""The web page itself: its layout, and what happens when a video is given."""
import time
import traceback
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Tuple

import gradio as gr
from _app_files import Workspace
from _app_html import SCRIPT, attention, bars, message, timelines
from _app_model import ServedModel
from _app_read import Reader, Reading
from _app_run import Run
from _timeline_files import by_second, draw, segments, write_json, write_segments

from projects.cast.apis import Scores
from projects.cast.serving import Stopped
from projects.cast.utils import InputError

READY = 'Upload a video, record one or choose an example; then press Predict.'
FAILED = 'The server could not finish this; its log says why.'
BUSY = 'Too many others are waiting; please try again in a minute.'


class Page:
    """Builds the page, and answers its requests.

    Args:
        models: One model, or two to compare.
        reader: Reads videos for them.
        queue: Number of requests that may wait.
        examples: Videos to choose from.
        workspace: Where files go.
    """

    def __init__(self, models: Sequence[ServedModel], reader: Reader, queue: int, examples: Sequence[str],
                 workspace: Workspace) -> None:
        self.models, self.read, self.workspace = models, reader, workspace
        self.limits = reader.limits
        self.runs: Dict[str, Run] = {}
        self.blocks = gr.Blocks(title='CAST', analytics_enabled=False, delete_cache=(60, 3600))
        with self.blocks:
            gr.Markdown('# What is done in this video?\n' + self.about())
            with gr.Row():
                with gr.Column(scale=2, min_width=320):
                    self.video = gr.Video(sources=['upload', 'webcam'], label='Video', height=300)
                    if examples:
                        gr.Examples(list(examples), self.video, cache_examples=False, examples_per_page=6,
                                    example_labels=[Path(example).name for example in examples])
                    with gr.Row():
                        start = gr.Button('Predict', variant='primary', elem_id='start', min_width=120)
                        stop = gr.Button('Stop', elem_id='stop', min_width=120)
                    self.status = gr.HTML(message(READY), elem_id='status')
                with gr.Column(scale=3, min_width=320), gr.Row():
                    self.bars = beside([bars(m.title, None, m.random) for m in models], 'bars', 240)
            with gr.Row(visible=False) as self.over_time:
                with gr.Column(scale=2, min_width=320):
                    self.seen = gr.Video(label='What the models saw', elem_id='seen', height=300,
                                         interactive=False)
                with gr.Column(scale=3, min_width=320):
                    self.timeline = gr.HTML(elem_id='timeline', js_on_load=SCRIPT)
            with gr.Row():
                self.attention = beside([''] * len(models), 'attention', 320)
            self.files = gr.File(label='Files', visible=False, file_count='multiple', interactive=False,
                                 elem_id='files')
            outputs = [self.status, *self.bars, self.over_time, self.seen, self.timeline, *self.attention,
                       self.files]
            event = start.click(self.predict, self.video, outputs, concurrency_limit=1,
                                api_visibility='private', show_progress_on=self.status)
            event.failure(lambda: message(BUSY, error=True), None, self.status, queue=False,
                          show_progress='hidden', api_visibility='private')
            stop.click(self.stop, None, outputs, cancels=event, queue=False, show_progress='hidden',
                       api_visibility='private')
            for change in (self.video.upload, self.video.stop_recording, self.video.clear):
                change(self.keep, self.video, None, queue=False, api_visibility='private')
            self.blocks.unload(self.leave)
        self.blocks.queue(max_size=queue)
        workspace.keep_examples()

    def about(self) -> str:
        """Returns what a visitor should know."""
        listen = any(model.timeline.reader.listen is not None for model in self.models)
        return (f'Videos of up to {self.limits.seconds:g} s and {self.limits.bytes / 2**20:g} MB are '
                f'accepted, and deleted when you leave the page.{" The sound counts." if listen else ""}')

    def keep(self, video: Any, request: gr.Request) -> None:
        """Notes who has which upload."""
        self.workspace.keep(str(request.session_hash), video)

    def leave(self, request: gr.Request) -> None:
        """Stops what a user who has closed the page is waiting for, and removes their files."""
        session = str(request.session_hash)
        run = self.runs.pop(session, None)
        if run:
            run.end()
        self.workspace.leave(session)

    def stop(self, request: gr.Request) -> Dict[Any, Any]:
        """Stops what a user is waiting for, and removes the results that are there already."""
        session = str(request.session_hash)
        run, said = self.runs.get(session), {self.status: message('Stopped.')}
        if run is None or run.ended.is_set():  # it is waiting in the queue, or there is none
            return said
        run.end()
        if self.runs.get(session) is run:
            self.workspace.drop_results(session)
        return {**self.clean(), **said}

    def clean(self) -> Dict[Any, Any]:
        """Returns the changes that remove all results from the page."""
        return {self.over_time: gr.Row(visible=False), self.files: gr.File(visible=False), self.seen: None,
                **{part: bars(m.title, None, m.random) for part, m in zip(self.bars, self.models)},
                **{part: '' for part in self.attention}}

    def predict(self, video: Any, request: gr.Request, progress=gr.Progress()) -> Iterator[Dict[Any, Any]]:
        """Yields changes of the page: bars first, then the timeline, then the rest."""
        if not video:
            yield {self.status: message(READY, error=True)}
            return
        session = str(request.session_hash)
        run = self.runs[session] = Run(progress)
        try:
            yield {**self.clean(), self.status: message('Reading the video ...')}
            yield from self.answer(str(video), self.workspace.fresh(session), run)
        except Stopped:  # what the user reads is said by `stop`
            pass
        except InputError as error:
            name = Path(video).name
            yield {self.status: message(str(error).replace(str(video), name), error=True)}
        except Exception:  # a visitor gets no traceback
            traceback.print_exc()
            yield {self.status: message(FAILED, error=True)}
        finally:
            run.ended.set()

    def answer(self, video: str, folder: Path, run: Run) -> Iterator[Dict[Any, Any]]:
        """Yields the results of a video."""
        run.tell(0, 'reading the video')
        readings = self.read(video, folder / 'video.mp4', run.stop)
        run.tell(0, 'looking at the whole video')
        found = [model.predict(reading.clip) for model, reading in zip(self.models, readings)]
        yield {part: bars(model.title, prediction, model.random)
               for part, model, prediction in zip(self.bars, self.models, found)}
        scores = self.score(readings, run)
        end = max(window.stop for window in scores[0])
        seconds = [by_second(windows, model.names, model.topk) for windows, model in zip(scores, self.models)]
        tracks = {f'{i}. {m.title}' if len(self.models) > 1 else m.title: {
            track: segments(s, track, end) for track in s[0]}
                  for i, (m, s) in enumerate(zip(self.models, seconds), 1)}
        yield {self.over_time: gr.Row(visible=True), self.seen: str(folder / 'video.mp4'),
               self.timeline: timelines(tracks, self.models[0].window, self.models[0].stride, end)}
        run.tell(1, 'where the experts look')
        maps = [model.attention(reading.clip) for model, reading in zip(self.models, readings)]
        files = write_files(folder, tracks, seconds, found, end, Path(video).name)
        yield {**{part: attention(model.title, m) for part, model, m in zip(
            self.attention, self.models, maps)}, self.files: gr.File(files, visible=True),
            self.status: message(f'Done: {Path(video).name}, {end:.1f} s.')}

    def score(self, readings: Sequence[Reading], run: Run) -> List[List[Scores]]:
        """Returns the scores of the windows of each model."""
        total, done, began = sum(len(reading.windows) for reading in readings), 0, time.monotonic()
        scores: List[List[Scores]] = []
        for model, reading in zip(self.models, readings):
            scores.append([])
            step = model.timeline.batch_size
            for i in range(0, len(reading.windows), step):
                left = f', {(time.monotonic() - began) / done * (total - done):.0f} s left' if done else ''
                run.tell((done, total), f'labels over time{left}', unit='windows')
                scores[-1] += model.timeline.score(reading.windows[i:i + step])
                done += len(reading.windows[i:i + step])
        return scores


def beside(contents: Sequence[str], name: str, width: int) -> List[gr.HTML]:
    """Returns parts of the page that lie side by side, or one below the other where it is too narrow."""
    parts = []
    for i, content in enumerate(contents):
        with gr.Column(min_width=width):
            parts.append(gr.HTML(content, elem_id=f'{name}{i}'))
    return parts


def write_files(folder: Path, tracks: Dict[str, Any], seconds: Sequence[Any], found: Sequence[Any],
                end: float, name: str) -> List[str]:
    """Writes the results for download; two models have numbers."""
    paths: List[str] = []
    for i, (title, model) in enumerate(tracks.items(), 1):
        stem = f'timeline{i}' if len(tracks) > 1 else 'timeline'
        here: Tuple[Path, ...] = tuple(folder / f'{stem}{suffix}' for suffix in ('.csv', '.json', '.png'))
        write_segments(here[0], model)
        write_json(here[1], source=name, model=title, video=found[i - 1].best, seconds=seconds[i - 1],
                   segments={track: [part._asdict() for part in parts] for track, parts in model.items()})
        draw(here[2], model, end, name)
        paths += map(str, here)
    return paths
