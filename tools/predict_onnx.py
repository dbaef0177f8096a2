"""Prints what an exported model predicts for a video, with onnxruntime, PyAV and numpy alone.

    python predict_onnx.py MODEL.onnx VIDEO [START STOP]

It needs nothing else of this package, so that it can be copied beside the model. docs/export.md is about it.
"""
import argparse
import json
import sys

import av
import numpy as np
import onnxruntime


def frame_indices(n, s, fps):
    """Chooses frames among n: an array (clips, frames) of indices."""
    f, k, c, kind = s['frames'], s['clips'], np.arange(s['clips'])[:, None], s['kind']
    if kind == 'uniform':
        return (n / f * (c / k if k > 1 else c + 0.5) + n / f * np.arange(f)).astype(int)
    if kind == 'dense':
        spare = max(len(range(0, n, s['interval'])) - f, 0)
        starts = c * spare // (k - 1) if k > 1 else spare // 2
        return np.minimum(starts + np.arange(f), (n - 1) // s['interval']) * s['interval']
    if kind == 'segments':
        cuts = np.round((n - 1) * np.arange(f + 1) / f).astype(int)
        return np.stack([(cuts[:-1] + cuts[1:]) // 2, cuts[:-1], cuts[1:]][:k])
    if kind == 'window':
        size = f * s['interval'] * fps / 30
        first = max(n - size, 0) * c / k
        return (np.linspace(first, first + size - 1, f, axis=-1)[:, 0].clip(0, n - 1) + 1e-6).astype(int)
    sys.exit(f'error: sampling of kind {kind} is not known here')


def resized(x, to):
    """Resizes (height, width, 3) bilinearly, as OpenCV does."""
    height, width = x.shape[:2]
    if 'short_side' in to:
        scale = to['short_side'] / min(height, width)
        to = dict(height=int(height * scale + 0.5), width=int(width * scale + 0.5))
    for axis, side in enumerate((to['height'], to['width'])):
        at = ((np.arange(side) + 0.5) * x.shape[axis] / side - 0.5).clip(0, x.shape[axis] - 1)
        low, share = at.astype(int), (at % 1).reshape(-1, *[1] * (2 - axis))
        x = x.take(low, axis) * (1 - share) + x.take(np.minimum(low + 1, x.shape[axis] - 1), axis) * share
    return np.round(x).astype(np.uint8)


def cropped(x, size, crops):
    """Cuts squares at equal steps along the longer side, or one from the centre."""
    spare, steps = np.array(x.shape[:2]) - size, np.linspace(0, 1, crops) if crops > 1 else [0.5]
    long = int(x.shape[1] >= x.shape[0])
    for step in steps:
        start = spare // 2
        start[long] = int(spare[long] * step)
        yield x[start[0]:start[0] + size, start[1]:start[1] + size]


def segment_of(packets, fps, limits):
    """Returns the first frame of a segment, and the one after its last, among the packets of a video."""
    times = [p.pts for p in packets]
    if None not in times:  # else it is an AVI file
        times = (np.sort(times) - min(times)) * float(packets[0].time_base)
        if np.abs(times - np.linspace(0, times[-1], len(times))).max() * fps >= 1:  # the frame rate varies
            return [int(np.searchsorted(times, min(t, times[-1] + 1) - 1e-6)) for t in limits]
    return [round(min(t * fps, len(times))) for t in limits]


def read_views(video, about, start=0., stop=float('inf')):
    """Returns the views of a segment, in seconds: (views, 3, frames, height, width) in uint8."""
    resize, crop, cut = about['resize'], about['crop'], {}
    if set(about['inputs']) != {'video'} or not crop or 'type' in (resize or ()):
        sys.exit(f'error: it reads {", ".join(about["inputs"])} by {about["pipeline"]}, not known here')
    with av.open(video) as container:
        stream = container.streams.video[0]
        packets = [p for p in container.demux(stream) if p.size and not p.is_discard]
        fps = float(stream.average_rate or 25)
    first, last = segment_of(packets, fps, (start, stop))
    chosen = first + frame_indices(max(last - first, 1), about['sampling'], fps)
    with av.open(video) as container:
        for i, frame in enumerate(container.decode(video=0)):
            if i in chosen:
                image = np.rot90(frame.to_ndarray(format='rgb24'), frame.rotation // 90)
                cut[i] = [*cropped(resized(image, resize) if resize else image, **crop)]
            if i >= chosen.max():
                break
    if not 0 <= first < len(packets) or not set(chosen.flat) <= set(cut):
        sys.exit(f'error: {video}: ends before frame {chosen.max()}')
    views = np.stack([[cut[i][j] for i in clip] for j in range(crop['crops']) for clip in chosen])
    return np.ascontiguousarray(views.transpose(0, 4, 1, 2, 3))


def main(file, video, segment):
    """Prints the five best classes of each task."""
    try:
        session = onnxruntime.InferenceSession(file, providers=['CPUExecutionProvider'])
    except Exception as error:  # those of onnxruntime have no class in common
        sys.exit(f'error: {file}: cannot be read ({error})')
    metadata = session.get_modelmeta().custom_metadata_map
    if 'cast' not in metadata:
        sys.exit(f'error: {file}: was not written by tools/export.py, or has lost its metadata')
    about = json.loads(metadata['cast'])
    try:
        views = read_views(video, about, *segment)
    except (OSError, ValueError, IndexError) as error:  # PyAV's errors are among them; no video stream
        sys.exit(f'error: {video}: cannot be read ({error})')
    for task, scores in zip(about['outputs'], session.run(None, {'video': views})):
        score = scores.mean(0)
        for i in score.argsort()[:-6:-1]:
            print(f'{task}: {100 * score[i]:5.1f} %  {about["classes"][task][i]}')


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('model')
    parser.add_argument('video')
    parser.add_argument('segment', nargs='*', type=float, help='its start and its end, in seconds')
    args = parser.parse_args()
    if len(args.segment) not in (0, 2) or args.segment != sorted(set(args.segment)):
        parser.error('a segment has a start and a later end')
    main(args.model, args.video, args.segment)
