"""Writes the zip files that the servers of the EPIC challenges take."""
import json
import zipfile
from typing import Dict, Sequence, Union

import numpy as np


def log_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """Returns the logarithms, finite for zeros as well."""
    return np.log(probabilities.clip(np.finfo(np.float64).tiny))


def write_submission(path: str, names: Sequence[str], scores: Dict[str, np.ndarray], sls: Sequence[int],
                     **header: Union[str, int]) -> None:
    """Writes the scores of a test run.

    Args:
        path: Path of the zip file.
        names: Ids of the N samples.
        scores: Scores ``(N, classes)`` of each task.
        sls: Supervision levels 0 to 5 of pre-training, training labels and training data.
        header: The other entries of the file, such as ``version`` and ``challenge``.
    """
    results = {
        str(name): {task: {str(i): float(s) for i, s in enumerate(rows[n])} for task, rows in scores.items()}
        for n, name in enumerate(names)}
    levels = dict(zip(('sls_pt', 'sls_tl', 'sls_td'), sls))
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('test.json', json.dumps({**header, **levels, 'results': results}))
