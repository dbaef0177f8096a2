"""Test-time crops."""
from typing import Dict

import numpy as np
from mmcv.transforms import BaseTransform

from mmaction.registry import TRANSFORMS

from ..utils import InputError


@TRANSFORMS.register_module()
class EqualCrops(BaseTransform):
    """Square crops at equal steps along the longer side, from one end to the other.

    MMAction2's ``ThreeCrop`` halves the spare length first, and so misses the last pixel if it is odd.

    Required key: ``imgs``. Modified keys: ``imgs`` (crop after crop), ``img_shape``.

    Args:
        crop_size: Side of a crop in pixels.
        num_crops: Number of crops. A single crop is taken from the centre.

    Raises:
        InputError: If a frame is smaller than a crop.
    """

    def __init__(self, crop_size: int = 224, num_crops: int = 3) -> None:
        self.crop_size, self.num_crops = crop_size, num_crops

    def transform(self, results: Dict) -> Dict:
        size, n = self.crop_size, self.num_crops
        height, width = results['imgs'][0].shape[:2]
        if min(height, width) < size:
            raise InputError(f'{results.get("filename", "a video")}: frames of {width}x{height} are smaller '
                             f'than a crop of {size}x{size}; put Resize(scale=(-1, {size})) before it')
        steps = np.arange(n) / (n - 1) if n > 1 else np.array([0.5])
        along, across = (max(height, width) - size) * steps, (min(height, width) - size) // 2
        results['imgs'] = [
            img[y:y + size, x:x + size] for start in along.astype(int)
            for y, x in [(across, start) if width >= height else (start, across)] for img in results['imgs']]
        results['img_shape'] = (size, size)
        return results
