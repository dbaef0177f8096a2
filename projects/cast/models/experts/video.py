"""Experts that read clips."""
from typing import Tuple, Union

from einops import rearrange
from mmengine.utils import to_2tuple
from torch import Tensor

from ...utils import InputError
from ..layers import Grid
from .base import Expert

ImgSize = Union[int, Tuple[int, int]]
IMAGENET = dict(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375))  # for pixel values from 0 to 255


class VideoExpert(Expert):
    """An :class:`Expert` that reads clips ``(B, 3, F, H, W)`` in tubes: square patches over a few frames.

    Unless the recognizer says otherwise, clips are assumed to be normalised by ImageNet's mean and deviation.

    Args:
        img_size: Native height and width in pixels, or one number for a square. For other sizes, the
            positions are interpolated.
        patch_size: Side of a patch in pixels.
        num_frames: Native number of frames of a clip.
        tubelet_size: Number of frames that form one position in time.
        kwargs: See :class:`Expert`.
    """

    def __init__(self, img_size: ImgSize = 224, patch_size: int = 16, num_frames: int = 16,
                 tubelet_size: int = 2, **kwargs) -> None:
        self.native_size: Tuple[int, ...] = (num_frames, *to_2tuple(img_size))
        self.tube = (tubelet_size, patch_size, patch_size)
        t, h, w = (n // m for n, m in zip(self.native_size, self.tube))
        super().__init__(grid=(t, h, w), **kwargs)
        self.set_normalization(**IMAGENET)

    def grid_of(self, shape: Tuple[int, ...]) -> Grid:
        """Returns the number of tubes along ``(F, H, W)``."""
        if len(shape) != 3 or any(n < m or n % m for n, m in zip(shape, self.tube)):
            raise InputError(f'a clip of (F, H, W) = {tuple(shape)} does not divide into tubes of '
                             f'{self.tube}; give (B, 3, F, H, W) with F, H, W multiples of these')
        t, h, w = (n // m for n, m in zip(shape, self.tube))
        return t, h, w

    def input_shape(self, smallest: bool = False) -> Tuple[int, ...]:
        """Returns ``(3, F, H, W)``."""
        return (3, *(self.tube if smallest else self.native_size))

    def set_input_size(self, size: Tuple[int, ...]) -> None:
        """Changes the native input size to ``(F, H, W)``."""
        super().set_input_size(size)
        self.native_size = tuple(size)

    def frames(self, clip: Tensor) -> Tensor:
        """Returns the last frame of each tube, ``(B * T, 3, H, W)``, for towers that read single frames.

        "Every even frame" in section 3.1 counts from 1; the release uses the indices 1, 3, ..., 15.
        """
        step = self.tube[0]
        return rearrange(clip[:, :, step - 1::step], 'b c t h w -> (b t) c h w')
