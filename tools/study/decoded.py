"""Clips that were decoded once: a study reads each of its small videos a hundred times."""
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
from mmcv.transforms import BaseTransform
from rich.progress import track
from torch.utils.data import DataLoader

from mmaction.registry import DATASETS, TRANSFORMS


@TRANSFORMS.register_module()
class ReadDecoded(BaseTransform):
    """Reads what the pipeline made of a clip, instead of its video.

    Args:
        file: An array ``(N, views, 3, F, H, W)`` that :func:`decode` wrote, in the order of the samples.
    """

    def __init__(self, file: str) -> None:
        self.clips = np.load(file, mmap_mode='r')

    def transform(self, results: Dict[str, Any]) -> Dict[str, Any]:
        """Adds ``imgs``, of shape ``(views, 3, F, H, W)``."""
        results['imgs'] = np.array(self.clips[results['sample_idx']])
        return results


def decode(dataset: dict, file: Path, workers: int = 2) -> None:
    """Runs the pipeline of a data set over all of its clips, and writes them to ``file`` unless it exists."""
    if file.exists():
        return
    data = DATASETS.build(dataset)
    loader = DataLoader(data, batch_size=32, num_workers=workers, collate_fn=inputs_of)
    clips = np.concatenate(list(track(loader, f'decoding {dataset["ann_file"]}')))
    part = file.with_suffix('.part')
    with part.open('wb') as opened:
        np.save(opened, clips)
    part.replace(file)


def inputs_of(samples: List[dict]) -> np.ndarray:
    """Stacks the clips of samples."""
    return np.stack([sample['inputs'].numpy() for sample in samples])
