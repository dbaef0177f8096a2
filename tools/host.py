"""Runs any other tool of MMAction2, which cannot be started directly from PyPI's package.

    python tools/host.py analysis_tools/confusion_matrix.py CONFIG CHECKPOINT --show-path matrix.png

Tools that support only one label can use a verb and noun model with `--cfg-options model.test_cfg.task=verb`.
For tools that do not work with the installed versions or with these models, it names ours that does.
docs/tools.md lists them all.
"""
import sys

from _host import run_host_tool

from projects.cast.utils import InputError, run_tool

OLD = 'imports what mmcv 2 no longer has'
NO_FILE = 'is not in PyPI\'s package'
INSTEAD = {
    'analysis_tools/analyze_logs.py': ('misreads logs of few iterations', 'tools/analysis/plot_run.py'),
    'analysis_tools/bench_processing.py': (OLD, 'tools/analysis/benchmark_data.py'),
    'analysis_tools/benchmark.py': (OLD, 'tools/analysis/benchmark.py'),
    'analysis_tools/check_videos.py': ('checks VideoDataset only', 'tools/data/check.py'),
    'analysis_tools/report_accuracy.py': ('fuses scores of one label only', 'tools/analysis/fuse_results.py'),
    'deployment/publish_model.py': (
        'cannot load what training writes with torch 2.6', 'tools/convert/slim_checkpoint.py'),
    'visualizations/vis_cam.py': (
        'draws gradients of Recognizer2D and 3D only', 'tools/analysis/plot_attention.py'),
    'demo_inferencer.py': (NO_FILE, 'tools/demo.py'),
    'long_video_demo.py': (NO_FILE, 'tools/timeline.py'),
    'webcam_demo.py': (NO_FILE, 'tools/timeline.py'),
    'misc/clip_feature_extraction.py': ('takes backbones that return one tensor', 'tools/extract.py'),
    'analysis_tools/report_map.py': (
        'rates proposals of temporal localisation, which these models do not make', '')}


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] in ('-h', '--help'):
        sys.exit(__doc__)
    name = sys.argv.pop(1)
    if name in INSTEAD:
        why, ours = INSTEAD[name]
        raise InputError(f'{name} {why}' + (f'; use {ours} instead' if ours else ''))
    run_host_tool(name)


if __name__ == '__main__':
    run_tool(main)
