"""Experts that read clips."""
from typing import Tuple, Union

from einops import rearrange
from mmengine.utils import to_2tuple
from torch import Tensor

from ...utils import InputError
from ..layers import Grid
from .base import Expert

ImgSize = Union[int, Tuple[int, int]]
IMAGENET = dict(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375))  # of pixels from 0 to 255


class VideoExpert(Expert):
    """An :class:`Expert` that reads clips ``(B, 3, F, H, W)`` in tubes of some frames and a square patch.

    Unless a recognizer says otherwise, clips are taken to be normalised by ImageNet's mean and deviation.

    Args:
        img_size: native height and width in pixels, one number for a square; other sizes interpolate the
            positions.
        patch_size: pixels per patch side.
        num_frames: native frames of a clip.
        tubelet_size: frames that make one position in time.
        kwargs: see :class:`Expert`.
    """

    def __init__(self, img_size: ImgSize = 224, patch_size: int = 16, num_frames: int = 16,
                 tubelet_size: int = 2, **kwargs) -> None:
        self.native_size: Tuple[int, ...] = (num_frames, *to_2tuple(img_size))
        self.tube = (tubelet_size, patch_size, patch_size)
        t, h, w = (n // m for n, m in zip(self.native_size, self.tube))
        super().__init__(grid=(t, h, w), **kwargs)
        self.set_normalization(**IMAGENET)

    def grid_of(self, shape: Tuple[int, ...]) -> Grid:
        """Number of tubes along ``(F, H, W)``."""
        if len(shape) != 3 or any(n < m or n % m for n, m in zip(shape, self.tube)):
            raise InputError(f'a clip of (F, H, W) = {tuple(shape)} does not divide into tubes of '
                             f'{self.tube}; give (B, 3, F, H, W) with F, H, W multiples of these')
        t, h, w = (n // m for n, m in zip(shape, self.tube))
        return t, h, w

    def input_shape(self, smallest: bool = False) -> Tuple[int, ...]:
        """``(3, F, H, W)``."""
        return (3, *(self.tube if smallest else self.native_size))

    def set_input_size(self, size: Tuple[int, ...]) -> None:
        """Makes another ``(F, H, W)`` the native one."""
        super().set_input_size(size)
        self.native_size = tuple(size)

    def frames(self, clip: Tensor) -> Tensor:
        """The last frame of each tube, ``(B * T, 3, H, W)``, for towers that see single frames.

        "Every even frame" of section 3.1 counts from 1; the release takes indices 1, 3, ..., 15.
        """
        step = self.tube[0]
        return rearrange(clip[:, :, step - 1::step], 'b c t h w -> (b t) c h w')
