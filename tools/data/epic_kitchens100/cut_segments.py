"""Cuts the annotated segments out of EPIC-KITCHENS-100's long videos, with a short side of 256.

    python tools/data/epic_kitchens100/cut_segments.py EPIC_100_train.csv data/ek100 data/ek100_clips

Training does not need this, but it makes decoding fast. It writes data/ek100_clips/NARRATION_ID.mp4 and,
beside these files, the list narration_id,verb,noun of the clips under the CSV's name (EPIC_100_train.csv),
which EpicKitchensDataset reads. It runs in parallel and continues where it was interrupted. Each clip is read
back before it counts as done.
"""
import argparse
import csv
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from videos import Job, check_size, finish, run  # noqa: E402

from projects.cast.datasets import EpicKitchensDataset  # noqa: E402
from projects.cast.utils import InputError, run_tool  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('annotations', help='official CSV file')
    parser.add_argument('source', help='folder of the long videos')
    parser.add_argument('target', type=Path, help='folder to write to')
    parser.add_argument('--video-template', help='path below SOURCE; see EpicKitchensDataset')
    parser.add_argument('--short-side', type=int, default=256)
    parser.add_argument('--workers', type=int, default=os.cpu_count())
    args = parser.parse_args()
    check_size(args.short_side)
    dataset = EpicKitchensDataset(
        args.annotations, [], dict(video=args.source), video_template=args.video_template, test_mode=True)
    samples = [dataset.get_data_info(i) for i in range(len(dataset))]
    if 'start_time' not in samples[0]:
        raise InputError(f'{args.annotations}: has no column start_timestamp: it lists trimmed clips, which '
                         'need no cutting; give an official CSV')
    jobs = [Job(Path(s['filename']), args.target / f'{s["narration_id"]}.mp4', args.short_side,
                s['start_time'], s['stop_time']) for s in samples]
    listed = args.target / Path(args.annotations).name
    if listed.resolve() == Path(args.annotations).resolve():
        raise InputError(f'{listed}: the list of clips would replace the annotations; choose another TARGET')
    args.target.mkdir(parents=True, exist_ok=True)
    failed = run(jobs, args.workers)
    rows = [[s['narration_id'], *(i for i in s['label'] if i >= 0)]
            for s, job in zip(samples, jobs) if job.target.is_file()]
    if rows:
        with listed.open('w', newline='', encoding='utf-8') as file:
            csv.writer(file, lineterminator='\n').writerows(rows)
    finish(failed, len(jobs))


if __name__ == '__main__':
    run_tool(main)
