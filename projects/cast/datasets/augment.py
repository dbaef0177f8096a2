"""Augmentations of timm, applied identically to all frames of a clip."""
import random
from typing import Dict, Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from PIL import Image
from timm.data.auto_augment import auto_augment_transform, posterize, rand_augment_transform
from timm.data.random_erasing import RandomErasing
from timm.data.transforms import str_to_pil_interp

from mmaction.registry import TRANSFORMS


def posterize_or_blacken(img: Image.Image, bits: int, **kwargs) -> Image.Image:
    """Posterizes as timm does, also to 0 bits, which policies contain and new versions of Pillow reject."""
    return posterize(img, bits, **kwargs) if bits else Image.new(img.mode, img.size)


@TRANSFORMS.register_module()
class ClipRandAugment(BaseTransform):
    """RandAugment or AutoAugment with the same operations and magnitudes for every frame.

    See https://arxiv.org/abs/1909.13719 and https://arxiv.org/abs/1805.09501. Required and modified key:
    ``imgs``, RGB frames.

    Args:
        policy: Policy in timm's notation. The default is the release's (magnitude 7, 4 operations, noise 0.5,
            increasing). The paper's (9, 0.5) is ``rand-m9-mstd0.5-inc1``, with timm's 2 operations. A policy
            that does not begin with ``rand`` is one of AutoAugment, such as X-ViT's ``v0``.
        interpolation: ``bicubic``, ``bilinear`` or ``random``.
    """

    def __init__(self,
                 policy: str = 'rand-m7-n4-mstd0.5-inc1',
                 interpolation: str = 'bicubic') -> None:
        hparams = {} if interpolation == 'random' else dict(interpolation=str_to_pil_interp(interpolation))
        make = rand_augment_transform if policy.startswith('rand') else auto_augment_transform
        self.augment = make(policy, hparams)
        for operation in getattr(self.augment, 'ops', None) or sum(self.augment.policy, []):
            if operation.aug_fn is posterize:
                operation.aug_fn = posterize_or_blacken

    def transform(self, results: Dict) -> Dict:
        # timm draws from these two generators for each frame, so each frame starts from the same state
        python, numpy = random.getstate(), np.random.get_state()
        frames = []
        for img in results['imgs']:
            random.setstate(python)
            np.random.set_state(numpy)
            frames.append(np.array(self.augment(Image.fromarray(img))))
        results['imgs'] = frames
        return results


@TRANSFORMS.register_module()
class ClipRandomErasing(BaseTransform):
    """Random erasing (https://arxiv.org/abs/1708.04896) of one box in the whole clip.

    It comes after cropping and flipping. CAST's release does not use it. Required and modified key: ``imgs``.

    Args:
        prob: Probability of erasing.
        mean, std: Mean and deviation of the pixels, per channel. The box is filled with noise N(mean, std)
            or, with ``mode='const'``, with the mean, rounded as the pixels are.
        kwargs: See timm's ``RandomErasing``.
    """

    def __init__(self,
                 prob: float = 0.25,
                 mean: Sequence[float] = (123.675, 116.28, 103.53),
                 std: Sequence[float] = (58.395, 57.12, 57.375),
                 **kwargs) -> None:
        self.erase = RandomErasing(prob, **{'mode': 'pixel', **kwargs}, device='cpu')
        self.mean, self.std = (torch.tensor(x).view(1, -1, 1, 1) for x in (mean, std))

    def transform(self, results: Dict) -> Dict:
        frames = torch.from_numpy(np.stack(results['imgs'])).permute(0, 3, 1, 2)
        clip = (frames - self.mean) / self.std
        # timm erases one box of an image (C, H, W); the frames are passed as its channels
        clip = self.erase(clip.flatten(0, 1)).view_as(clip) * self.std + self.mean
        results['imgs'] = list(clip.round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy())
        return results
