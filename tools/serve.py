"""Serves a model over HTTP, for programs: predictions for uploaded videos.

    python tools/serve.py CONFIG CHECKPOINT --port 8000
    curl -F video=@VIDEO http://127.0.0.1:8000/v1/predict

Samples of several requests are scored together. Each upload is decoded in a process with limits on time and
memory. What the queue does not hold is answered with 429. The server listens on 127.0.0.1 unless it has a
token. docs/serving.md has the routes, the statuses and the limits. The extra `serve` is needed.
"""
import argparse
import signal
from pathlib import Path

import projects.cast  # noqa: F401  isort: skip  must precede anything of mmaction
import torch
from mmengine import DictAction

from mmaction.utils import register_all_modules
from projects.cast.apis import read_names
from projects.cast.datasets import pipeline_of
from projects.cast.engine import read_config
from projects.cast.export import open_recognizer
from projects.cast.serving import INSTALL, Guard, Limits, is_local
from projects.cast.utils import InputError, library, run_tool

MIB = 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('config', help='a config file')
    parser.add_argument('checkpoint', nargs='?', help='checkpoint, or an exported model that ends in .onnx '
                        '(default: random weights)')
    parser.add_argument('--host', default='127.0.0.1', help='address to listen on; others need --token-file')
    parser.add_argument('--port', type=int, default=8000, help='0: any free one')
    parser.add_argument('--token-file', metavar='FILE', help='file with the token that requests must carry')
    parser.add_argument('--device', default='cuda:0' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--max-batch', type=int, default=8, help='samples at a time (default: 8)')
    parser.add_argument('--max-wait-ms', type=float, default=20., help='for others (default: 20)')
    parser.add_argument('--queue', type=int, default=32, help='requests in all; others: 429 (default: 32)')
    parser.add_argument('--decoders', type=int, default=2, help='videos decoded at a time (default: 2)')
    parser.add_argument('--connections', type=int, default=512, help='open at a time (default: 512)')
    parser.add_argument('--upload-seconds', type=float, default=60., help='of an upload (default: 60)')
    parser.add_argument('--header-seconds', type=float, default=10.,
                        help='until a connection has sent the headers of a request (default: 10)')
    parser.add_argument('--grace', type=int, default=30, help='seconds for requests at the end (default: 30)')
    parser.add_argument('--max-mib', type=float, default=256., help='size of a video (default: 256)')
    parser.add_argument('--max-seconds', type=float, default=600., help='its length (default: 600)')
    parser.add_argument('--max-pixels', type=int, default=Limits.pixels,
                        help='of a frame (default: 4096 * 2304)')
    parser.add_argument('--max-fps', type=float, default=240., help='frames a second (default: 240)')
    parser.add_argument('--memory-mib', type=float, default=2048., help='for decoding (default: 2048)')
    parser.add_argument('--cpu-seconds', type=float, default=60., help='for decoding (default: 60)')
    parser.add_argument('--topk', type=int, default=5, help='classes of each task (default: 5)')
    parser.add_argument('--label-map', nargs='+', metavar='NAME', help='as for tools/demo.py')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='same as for tools/test.py')
    args = parser.parse_args()
    for name in ('max_batch', 'queue', 'decoders', 'connections', 'topk', 'upload_seconds', 'header_seconds',
                 'max_mib', 'max_seconds', 'max_pixels', 'max_fps', 'memory_mib', 'cpu_seconds'):
        if getattr(args, name) <= 0:
            raise InputError(f'--{name.replace("_", "-")} {getattr(args, name)} must be positive')
    for name in ('fastapi', 'uvicorn', 'python_multipart'):
        library(name, 'tools/serve.py', INSTALL)
    from projects.cast.serving.app import create_app
    from projects.cast.serving.batcher import Batcher
    from projects.cast.serving.http import serve
    from projects.cast.serving.metrics import Metrics
    from projects.cast.serving.service import Service, Settings

    token = Path(args.token_file).read_text(encoding='utf-8').strip() if args.token_file else ''
    if not token and (args.token_file or not is_local(args.host)):
        raise InputError(f'--host {args.host}: others than this machine can reach it; give a --token-file '
                         'that is not empty')
    register_all_modules()
    config = read_config(args.config, args.cfg_options)
    limits = Limits(bytes=int(args.max_mib * MIB), seconds=args.max_seconds, pixels=args.max_pixels,
                    fps=args.max_fps, memory=int(args.memory_mib * MIB), cpu=args.cpu_seconds,
                    wall=2 * args.cpu_seconds)
    model = open_recognizer(config, args.checkpoint, args.device)
    names = read_names(config, args.label_map)  # after an exported model has given its own
    if args.checkpoint is None:
        print('No checkpoint: weights and scores are random; this only shows that the server works.')
    metrics = Metrics()
    settings = Settings(args.queue, args.decoders, args.upload_seconds, args.topk, token,
                        any(transform['type'] == 'LoadSpectrogram' for transform in pipeline_of(config)))
    signal.signal(signal.SIGTERM, lambda *_: exit(0))  # uvicorn raises it again once all is done
    with Guard(config, limits) as guard:
        if guard.no_windows:
            print(f'/v1/timeline answers 501: {guard.no_windows}')
        batcher = Batcher(model, args.max_batch, args.max_wait_ms / 1000, metrics)
        try:
            serve(create_app(Service(guard, batcher, names, settings, metrics)), args.host, args.port,
                  args.connections, args.header_seconds, args.grace)
        except KeyboardInterrupt:
            pass


if __name__ == '__main__':
    run_tool(main)
