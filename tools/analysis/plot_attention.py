"""Draws where the experts of a model look in a video: what their tokens ask of each other, and of their own.

    python tools/analysis/plot_attention.py CONFIG CHECKPOINT VIDEO [--start S --stop S] [--block N ...]

The clip is read by the config's own test pipeline, and the model runs as it does in testing. For each block,
``attention_block<N>.png`` has rows of the clip's frames, under the maps of the exchanges and of the experts
themselves, and ``attention_block<N>.mp4`` plays the frames beside these maps. In T2S, "temporal to spatial",
the spatial expert asks the temporal one.

A map shows received attention: the mean, over heads and over the tokens that ask, of the weight that a patch
receives. It sums to 1 over the window: along time at each place for T2S, over the frame for S2T. If class
tokens are asked as well, the rest is what they receive. The even share is what each token would receive if
all received the same. A patch that receives more is red, one that receives less is blue, on a logarithmic
scale. Bars show, for each frame that asks, how its weight is distributed over the frames that are asked. The
frame itself is dark, and the dashed line is the even share.

In the last block, nothing reads the patches of an expert that pools its class tokens, as CLIP does. What they
would ask is not computed there, and the default is the last block before it that has an exchange.
"""
import argparse
from pathlib import Path
from typing import Any, List, Optional, Sequence, Tuple

import projects.cast  # noqa: F401  isort: skip  must precede anything of mmaction
import numpy as np
import torch
from _attention_picture import Map, draw, write_video
from mmengine import Config, DictAction
from mmengine.dataset import Compose, pseudo_collate
from torch import nn

from mmaction.apis import init_recognizer
from mmaction.utils import register_all_modules
from projects.cast.apis.inferencer import sample
from projects.cast.datasets import pipeline_of
from projects.cast.engine import read_config
from projects.cast.models import (
    WINDOWS,
    AttentionWeights,
    VideoExpert,
    between_frames,
    exchange_blocks,
    received,
    record_attention,
)
from projects.cast.utils import InputError, MissingFileError, run_tool


def choose_blocks(model: nn.Module, asked_for: Sequence[int], config: str) -> List[int]:
    """Returns the blocks to draw, counted from 1.

    Raises:
        InputError: If the model has no exchange with attention, or one of the blocks has none.
    """
    blocks = [i + 1 for i in exchange_blocks(model)]
    if not blocks:
        raise InputError(f'{config}: its {type(model.backbone).__name__} has no exchange with attention; '
                         'give a config of CAST, CAVA or CA2ST')
    wrong = sorted(set(asked_for) - set(blocks))
    if wrong:
        raise InputError(f'--block {wrong[0]}: of the {model.backbone.depth} blocks of {config}, those with '
                         f'an exchange are {", ".join(map(str, blocks))}; choose among them')
    return sorted(set(asked_for)) or [([n for n in blocks if n < model.backbone.depth] or blocks)[-1]]


def one_view(data: dict, view: Optional[int] = None) -> Tuple[dict, np.ndarray]:
    """Returns a batch with one view of what the test pipeline read, and its frames.

    Args:
        data: A sample of the test pipeline.
        view: Which of the views, counted from 0; the one in the middle by default.

    Returns:
        The batch, and the frames as the model sees them: RGB, ``(F, H, W, 3)``.

    Raises:
        InputError: If the view is not there.
    """
    inputs = data['inputs']
    clips = inputs if isinstance(inputs, torch.Tensor) else inputs['imgs']
    view = len(clips) // 2 if view is None else view
    if not 0 <= view < len(clips):
        raise InputError(f'--view {view}: the test pipeline gives {len(clips)} views of a video, counted '
                         f'from 0; choose one up to {len(clips) - 1}')

    def one(x: torch.Tensor) -> torch.Tensor:
        return x[view:view + 1] if len(x) == len(clips) else x  # some have one for all views

    chosen = one(inputs) if inputs is clips else {key: one(x) for key, x in inputs.items()}
    return pseudo_collate([dict(data, inputs=chosen)]), clips[view].permute(1, 2, 3, 0).numpy()


def read_clip(config: Config, video: str, start: Optional[float], stop: Optional[float],
              view: Optional[int]) -> Tuple[dict, np.ndarray]:
    """Reads one view of a video, or of a segment of it, by the test pipeline; see :func:`one_view`.

    Raises:
        InputError: If the segment or the view is not there.
    """
    segment = {} if start is None else dict(start_time=start, stop_time=stop)
    return one_view(Compose(pipeline_of(config))({**sample(video), **segment}), view)


def describe(a: AttentionWeights) -> str:
    """Returns the title of a map."""
    where = {'time': 'over time', 'space': 'over space', 'space-time': 'over space and time'}[a.window]
    if not a.exchange:
        return f'{a.asking} {where}: the expert asks its own frames'
    return f'{a.asked[0].upper()}2{a.asking[0].upper()} {where}: the {a.asking} expert asks the {a.asked} one'


def as_map(a: AttentionWeights) -> Map:
    """Returns what is drawn of an attention call on one clip; only exchanges along time have bars."""
    count = a.weights.shape[-1] * (a.weights.shape[-2] if a.window == 'space-time' else 1)  # tokens asked
    mass = (received(a)[0] * count).unflatten(1, a.grid[1:])
    bars = between_frames(a)[0].cpu().numpy() if a.exchange and 0 in WINDOWS[a.window].spans else None
    return Map(describe(a), mass.cpu().numpy(), bars)


def sees_frames(model: nn.Module, name: str) -> bool:
    """Returns whether an expert reads the video, so that its maps can be laid over the frames."""
    expert: Any = model.backbone.experts[name]
    return isinstance(expert, VideoExpert) and expert.modality == 'video'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('config', help='a config file of a model with an exchange')
    parser.add_argument('checkpoint', help="checkpoint; 'none' for random weights")
    parser.add_argument('video', help='a video file')
    parser.add_argument('--start', type=float, metavar='S', help='start of a segment in seconds')
    parser.add_argument('--stop', type=float, metavar='S', help='its end')
    parser.add_argument('--block', type=int, nargs='+', default=[], metavar='N',
                        help='blocks to draw, counted from 1')
    parser.add_argument('--view', type=int, metavar='N',
                        help='which test view to draw, counted from 0; the one in the middle by default')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/attention'), metavar='DIR',
                        help='work_dirs/attention by default')
    parser.add_argument('--device', default='cuda:0' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='same as for tools/test.py')
    args = parser.parse_args()
    if not Path(args.video).is_file():
        raise MissingFileError(f'{args.video}: no such video')
    if {args.start, args.stop} != {None} and (
            None in (args.start, args.stop) or not 0 <= args.start < args.stop):
        raise InputError(f'--start {args.start} --stop {args.stop}: a segment needs both, in seconds, and '
                         'starts before it stops')
    register_all_modules()
    config = read_config(args.config, args.cfg_options)
    checkpoint = None if args.checkpoint == 'none' else args.checkpoint
    model = init_recognizer(config, checkpoint, device=args.device)
    blocks = choose_blocks(model, args.block, args.config)
    data, frames = read_clip(config, args.video, args.start, args.stop, args.view)
    with torch.inference_mode(), record_attention(model, [n - 1 for n in blocks]) as found:
        model.test_step(data)
    if checkpoint is None:
        print('No checkpoint: weights and maps are random; this only shows that the pipeline works.')
    args.out.mkdir(parents=True, exist_ok=True)
    for n in blocks:
        here = sorted((a for a in found if a.block == n - 1), key=lambda a: (not a.exchange, a.asking))
        drawn = [a for a in here if sees_frames(model, a.asked)]
        for name in sorted({a.asked for a in here} - {a.asked for a in drawn}):
            print(f'block {n}: what is asked of {name!r}, which reads no frames, is not drawn')
        maps = [as_map(a) for a in drawn]
        title = f'{Path(args.video).name}, block {n} of {model.backbone.depth}'
        path = args.out / f'attention_block{n}.png'
        draw(frames, maps, title, path)
        write_video(frames, maps, path.with_suffix('.mp4'))
        print(f'{path} and .mp4: ' + '; '.join(m.title for m in maps))


if __name__ == '__main__':
    run_tool(main)
