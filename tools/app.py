"""Shows what models see in videos, on a web page.

    python tools/app.py CONFIG CHECKPOINT [--second CONFIG CHECKPOINT] [--examples FOLDER]

Visitors upload a video, record one with a webcam or choose an example. The page has the best classes of
each task, labels over time, and where the experts look. For models that listen, it also tells what the same
video would be without its sound. With --second, it compares two models.

The page is for this machine only. Another --host needs a --password; then anyone who knows it can use the
page. Uploads are decoded in processes with limits, and deleted when a visitor leaves. One request is computed
at a time, and up to --queue others wait. The extra `app` is needed; ffmpeg is not.
"""
import argparse
import atexit
import hmac
import os
import signal

import projects.cast  # noqa: F401  isort: skip  must precede anything of mmaction
import torch
from mmengine import DictAction

from mmaction.utils import register_all_modules
from projects.cast.serving import Limits, is_local
from projects.cast.utils import InputError, library, list_videos, run_tool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('config', help='a config file')
    parser.add_argument('checkpoint', nargs='?', help='checkpoint, or an exported model that ends in .onnx '
                        '(default: random weights)')
    parser.add_argument('--second', nargs=2, metavar=('CONFIG', 'CHECKPOINT'),
                        help='a model to compare with')
    parser.add_argument('--examples', metavar='FOLDER', help='videos to choose from')
    parser.add_argument('--host', default='127.0.0.1',
                        help='address to listen at (default: this machine only)')
    parser.add_argument('--port', type=int, default=7860)
    parser.add_argument('--password', default=os.environ.get('CAST_APP_PASSWORD'),
                        help='what visitors have to know; by default, the variable CAST_APP_PASSWORD')
    parser.add_argument('--max-mb', type=float, default=100., help='size of a video (default: 100)')
    parser.add_argument('--max-seconds', type=float, default=60., help='length of a video (default: 60)')
    parser.add_argument('--queue', type=int, default=8, help='requests that may wait (default: 8)')
    parser.add_argument('--window', type=float, default=2., metavar='SECONDS',
                        help='length of a window of the timeline (default: 2)')
    parser.add_argument('--stride', type=float, default=1., metavar='SECONDS',
                        help='from the start of a window to that of the next (default: 1)')
    parser.add_argument('--topk', type=int, default=5)
    parser.add_argument('--device', default='cuda:0' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--label-map', nargs='+', metavar='NAME', help='as for tools/demo.py, of both models')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction,
                        help='same as for tools/test.py, of both models')
    args = parser.parse_args()
    if not is_local(args.host) and not args.password:
        raise InputError(f'--host {args.host}: others could use the page; give a --password as well')
    if min(args.max_mb, args.max_seconds, args.queue, args.topk) <= 0:
        raise InputError('--max-mb, --max-seconds, --queue and --topk must be positive')
    examples = [*map(str, list_videos(args.examples))] if args.examples else []
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as after Ctrl-C, and removes the files

    from _app_files import Workspace
    workspace = Workspace()
    os.environ.update(GRADIO_TEMP_DIR=str(workspace.uploads), GRADIO_ANALYTICS_ENABLED='False')
    gr = library('gradio', 'the web page', 'pip install -e ".[app]"')
    from _app_html import STYLE
    from _app_model import ServedModel
    from _app_page import Page
    from _app_read import Reader

    register_all_modules()
    pairs = [(args.config, args.checkpoint), *([args.second] if args.second else [])]
    models = [ServedModel(*pair, args.device, args.label_map, args.cfg_options, args.window, args.stride,
                          args.topk) for pair in pairs]
    limits = Limits(bytes=int(args.max_mb * 2**20), seconds=args.max_seconds)
    reader = Reader(models, limits)
    atexit.register(reader.close)
    page = Page(models, reader, args.queue, examples, workspace)
    if workspace.leftovers:
        print(f'removed the files of {workspace.leftovers} process(es) that were killed')
    print(f'http://{args.host}:{args.port}', flush=True)
    fonts = dict(font=['system-ui', 'sans-serif'], font_mono=['monospace'])  # nothing is fetched
    page.blocks.launch(
        server_name=args.host, server_port=args.port, share=False, quiet=True, footer_links=[],
        run_history=False, max_file_size=limits.bytes, css=STYLE,
        theme=gr.themes.Default(**fonts), ssr_mode=False, pwa=False, enable_monitoring=False,
        auth=(lambda _, given: hmac.compare_digest(given.encode(), args.password.encode()))
        if args.password else None, auth_message='Any name will do.')


if __name__ == '__main__':
    run_tool(main)
