"""Converts a test run on EPIC-SOUNDS to the zip file that the challenge's server takes.

    python tools/test.py CONFIG CHECKPOINT --dump scores.pkl
    python tools/analysis/epic_sounds_submission.py scores.pkl submission.zip --sls 2 3 3

The format is that of https://github.com/epic-kitchens/C9-epic-sounds (version 0.1). No file was submitted
from here; the server may expect something else by now. The scores are the logarithms of the probabilities,
averaged over the views, which rank the classes of a sample as the probabilities do.
"""
import argparse
from typing import List, Tuple

import numpy as np
from _dump import read_samples
from _submission import log_probabilities, write_submission

from projects.cast.utils import run_tool

AUDIO_VISUAL = 2  # training modality: 0 audio, 1 video, 2 both


def read_scores(path: str) -> Tuple[List[str], np.ndarray]:
    """Returns the annotation ids, and the scores ``(N, classes)``.

    Raises:
        InputError: If the scores have no annotation ids.
    """
    samples = read_samples(path, ('annotation_id', 'pred_score'),
                           'no scores with annotation ids; dump them with a config of EPIC-SOUNDS')
    probabilities = np.stack([sample['pred_score'].double().numpy() for sample in samples])
    return [sample['annotation_id'] for sample in samples], log_probabilities(probabilities)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('scores', help='file written by tools/test.py --dump')
    parser.add_argument('submission', help='zip file to write')
    parser.add_argument('--sls', nargs=3, type=int, choices=range(6), required=True,
                        metavar=('PT', 'TL', 'TD'),
                        help='supervision levels of pre-training, labels and data; see the challenge')
    parser.add_argument('--modality', type=int, choices=range(3), default=AUDIO_VISUAL,
                        help='what the model was trained on: 0 audio, 1 video, 2 both')
    args = parser.parse_args()
    names, scores = read_scores(args.scores)
    write_submission(args.submission, names, dict(interaction=scores), args.sls, version='0.1',
                     challenge='audio_based_interaction_recognition', t_mod=args.modality)
    print(f'{args.submission}: {len(names)} sounds')


if __name__ == '__main__':
    run_tool(main)
