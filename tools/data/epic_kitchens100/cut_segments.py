"""Cuts the annotated segments out of EPIC-KITCHENS-100's long videos, at short side 256.

    python tools/data/epic_kitchens100/cut_segments.py EPIC_100_train.csv data/ek100 data/ek100_clips

Not needed for training, but it makes decoding fast. Writes data/ek100_clips/NARRATION_ID.mp4 and, beside
them, the list narration_id,verb,noun under the CSV's name (EPIC_100_train.csv), which EpicKitchensDataset
reads. Runs in parallel and goes on where it was interrupted; each clip is read back before it counts.
"""
import argparse
import csv
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from videos import Job, finish, run  # noqa: E402

from projects.cast.datasets import EpicKitchensDataset  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('annotations', help='an official CSV')
    parser.add_argument('source', help='folder of the long videos')
    parser.add_argument('target', type=Path, help='folder to write to')
    parser.add_argument('--video-template', help='path below SOURCE, see EpicKitchensDataset')
    parser.add_argument('--short-side', type=int, default=256)
    parser.add_argument('--workers', type=int, default=os.cpu_count())
    args = parser.parse_args()
    dataset = EpicKitchensDataset(
        args.annotations, [], dict(video=args.source), video_template=args.video_template, test_mode=True)
    samples = [dataset.get_data_info(i) for i in range(len(dataset))]
    if samples and 'start_time' not in samples[0]:
        parser.error(f'{args.annotations} lists trimmed clips: there is nothing to cut')
    jobs = [Job(Path(s['filename']), args.target / f'{s["narration_id"]}.mp4', args.short_side, s['start_time'],
                s['stop_time']) for s in samples]
    failed = run(jobs, args.workers)
    args.target.mkdir(parents=True, exist_ok=True)
    with (args.target / Path(args.annotations).name).open('w', newline='', encoding='utf-8') as file:
        csv.writer(file, lineterminator='\n').writerows(
            [s['narration_id'], *(i for i in s['label'] if i >= 0)] for s in samples)
    finish(failed, len(jobs))


if __name__ == '__main__':
    main()
