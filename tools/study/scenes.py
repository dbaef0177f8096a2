"""The pictures of the miniature study: luminance shows what moves, chroma shows what it is.

A clip has several objects, of which one moves and the others rest. Its noun is the colour of the moving
object. Its verb is the direction of the motion and one more bit: to the left and right, whether the centre of
*this* object has another colour (its mark); upwards and downwards, the orientation of coloured stripes in the
background (the scene). The noun thus needs motion, and half of the verbs need appearance at the place of the
motion.

The luminance of objects and background is random texture, drawn anew in every clip, and tells nothing about
noun, mark or scene. The chroma tells nothing about motion. What leaves the picture on one side comes in again
on the other, so that in every frame all objects can be anywhere alike, whether they move or not.
"""
from typing import NamedTuple, Tuple

import cv2
import numpy as np
from numpy import ndarray
from numpy.random import Generator

SIZE, FRAMES = 48, 8
CANVAS = 64  # pixels: decord miscounts the channels of videos of 48 pixels, so that they have a border
NOUNS = ('blue', 'violet', 'red', 'orange', 'yellow', 'green', 'teal', 'azure')  # chroma at equal angles
DIRECTIONS = {'right': (0, 1), 'left': (0, -1), 'down': (1, 0), 'up': (-1, 0)}
VERBS = tuple(f'{direction}-{bit}' for direction in DIRECTIONS
              for bit in (('plain', 'marked') if direction in ('right', 'left') else ('upright', 'level')))
RADIUS, GAP = 5, 11.5  # pixels: of an object, and the least distance of two objects' centres at any two times
SPEED = 1.2, 1.8  # pixels per frame
MEAN, SCALE = 128., 64.  # of the bytes of a frame
QUALITY = 95  # of JPEG
ROUND = np.hypot(*np.mgrid[-RADIUS:RADIUS + 1, -RADIUS:RADIUS + 1]) <= 5.1
DISC = np.argwhere(ROUND) - RADIUS  # the pixels of an object, from its centre


class Law(NamedTuple):
    """What the clips of a data set are drawn from.

    Attributes:
        objects: Number of objects, one of which moves.
        mark: How much the chroma at the centre of a marked object differs; 1.6 makes it -0.6 times as strong.
        prior: How often nouns with an even index move to the left or right, and the others up or down. With
            0.5, noun and direction are independent.
    """

    objects: int = 3
    mark: float = 1.6
    prior: float = 0.8


class Actions(NamedTuple):
    """``B`` actions with ``K`` objects, of which the first moves."""

    nouns: ndarray  # (B, K), indices of NOUNS
    marks: ndarray  # (B, K), 0 or 1
    scene: ndarray  # (B, ), 0 or 1: stripes upright or level
    direction: ndarray  # (B, ), indices of DIRECTIONS
    places: ndarray  # (B, K, FRAMES, 2), whole pixels: rows and columns of the centres

    @property
    def verbs(self) -> ndarray:
        """Returns the indices of VERBS, ``(B, )``."""
        return 2 * self.direction + np.where(self.direction < 2, self.marks[:, 0], self.scene)


def draw_actions(rng: Generator, count: int, law: Law = Law()) -> Actions:
    """Draws the labels and the paths of ``count`` actions."""
    k = law.objects
    places, direction = draw_paths(rng, count, k)
    even = rng.random(count) < np.where(direction < 2, law.prior, 1 - law.prior)
    acting = 2 * rng.integers(len(NOUNS) // 2, size=count) + ~even
    others = np.stack([rng.permutation(len(NOUNS) - 1)[:k - 1] for _ in range(count)])
    nouns = np.column_stack([acting, others + (others >= acting[:, None])])
    return Actions(nouns, rng.integers(2, size=(count, k)), rng.integers(2, size=count), direction, places)


def draw_paths(rng: Generator, count: int, k: int, tries: int = 12) -> Tuple[ndarray, ndarray]:
    """Draws the places of ``k`` objects whose paths never come near each other.

    One of them, chosen after all are drawn, moves along its path. The others rest at some point of theirs, so
    that each could be the one that moves.

    Returns:
        The centres in whole pixels, ``(count, k, FRAMES, 2)``, of which the first object moves, and the index
        of its direction, ``(count, )``.
    """
    path, ways = np.zeros((0, k, FRAMES, 2)), np.zeros((0, k), int)
    while len(path) < count:
        new = np.zeros((count, k, FRAMES, 2))
        new_ways, good = rng.integers(len(DIRECTIONS), size=(count, k)), np.ones(count, bool)
        for j in range(k):  # the first of some candidates that is far from all earlier paths
            candidates = straight(rng, new_ways[:, j, None].repeat(tries, 1))
            gaps = np.linalg.norm(around(candidates[:, :, None, :, None] - new[:, None, :j, None]), axis=-1)
            fits = (gaps >= GAP).all((2, 3, 4))
            new[:, j] = candidates[np.arange(count), fits.argmax(1)]
            good &= fits.any(1)
        path, ways = np.concatenate([path, new[good]]), np.concatenate([ways, new_ways[good]])
    path, ways = np.rint(path[:count]).astype(int) % SIZE, ways[:count]
    order, first = np.argsort(rng.random((count, k)), 1), np.arange(count)[:, None]
    path, ways = path[first, order], ways[first, order]
    rest = rng.integers(FRAMES, size=(count, k))
    places = path[first, np.arange(k), rest][:, :, None].repeat(FRAMES, 2)
    places[:, 0] = path[:, 0]
    return places, ways[:, 0]


def straight(rng: Generator, ways: ndarray) -> ndarray:
    """Draws straight paths in these directions, ``(*ways.shape, FRAMES, 2)``; they may leave the picture."""
    step = np.array(list(DIRECTIONS.values()))[ways] * rng.uniform(*SPEED, (*ways.shape, 1))
    start = rng.uniform(0, SIZE, step.shape)
    return start[..., None, :] + step[..., None, :] * np.arange(FRAMES)[:, None]


def around(difference: ndarray) -> ndarray:
    """Returns the shortest way from one place to another, which may lead over the sides of the picture."""
    return (difference + SIZE / 2) % SIZE - SIZE / 2


def noise(rng: Generator, *shape: int) -> ndarray:
    """Draws normal noise in single precision."""
    return rng.standard_normal(shape, np.float32)


def resized(rng: Generator, count: int, cells: int) -> ndarray:
    """Draws pictures of normal noise with this many cells along each side, ``(count, SIZE, SIZE)``."""
    return np.stack([cv2.resize(small, (SIZE, SIZE)) for small in noise(rng, count, cells, cells)])


def stripes(rng: Generator, level: ndarray) -> ndarray:
    """Draws coloured stripes of random phase and width without a mean colour, ``(B, 2, SIZE, SIZE)``."""
    along = np.mgrid[:SIZE, :SIZE][1 - level]  # (B, SIZE, SIZE): level stripes change from row to row
    wavelength = rng.uniform(5, 8, (len(level), 1, 1))
    phase = rng.uniform(0, 2 * np.pi, (len(level), 2, 1, 1))
    return 0.18 * np.sin((2 * np.pi * along / wavelength)[:, None] + phase)


def grains(rng: Generator, *shape: int) -> ndarray:
    """Draws normal noise in cells of 2 x 2 pixels for objects, ``(*shape, 11, 11)``."""
    fine = noise(rng, *shape, RADIUS + 1, RADIUS + 1).repeat(2, -1).repeat(2, -2)
    return fine[..., :len(ROUND), :len(ROUND)]


def textures(rng: Generator, *shape: int) -> ndarray:
    """Draws the luminance of objects, ``(*shape, 11, 11)``."""
    offset = rng.choice((-1, 1), shape) * rng.uniform(0.4, 1, shape)
    return 0.45 * offset[..., None, None] + 0.35 * grains(rng, *shape)


def appearance(rng: Generator, actions: Actions, law: Law) -> ndarray:
    """Draws the chroma of the objects of actions, ``(B, K, 2, 11, 11)``."""
    angle = 2 * np.pi * actions.nouns / len(NOUNS)
    chroma = 0.45 * np.stack([np.cos(angle), np.sin(angle)], -1)[..., None, None] * np.ones(ROUND.shape)
    chroma[..., 3:8, 3:8] *= (1 - law.mark * actions.marks)[..., None, None, None]
    return chroma + 0.04 * noise(rng, *chroma.shape)


def put(picture: ndarray, place: ndarray, disc: ndarray) -> None:
    """Draws an object ``(..., 11, 11)`` into a picture ``(..., SIZE, SIZE)``."""
    y, x = ((place + DISC) % SIZE).T
    picture[..., y, x] = disc[..., ROUND]


def compose(ground: ndarray, discs: ndarray, places: ndarray) -> ndarray:
    """Draws the objects of clips; discs never overlap.

    Args:
        ground: Backgrounds, ``(B, ..., SIZE, SIZE)``.
        discs: The objects, ``(B, K, ..., 11, 11)``.
        places: See :class:`Actions`.

    Returns:
        The frames, ``(B, FRAMES, ..., SIZE, SIZE)``.
    """
    for picture, objects, resting in zip(ground, discs[:, 1:], places[:, 1:, 0]):
        for disc, place in zip(objects, resting):
            put(picture, place, disc)
    frames = ground[:, None].repeat(places.shape[2], 1)
    for clip, disc, path in zip(frames, discs[:, 0], places[:, 0]):
        for picture, place in zip(clip, path):
            put(picture, place, disc)
    return frames


def luminance(rng: Generator, actions: Actions) -> ndarray:
    """Draws the luminance of clips, ``(B, FRAMES, SIZE, SIZE)``."""
    count, k, frames, _ = actions.places.shape
    ground = 0.25 * resized(rng, count, 8) + 0.15 * resized(rng, count, 24)
    luma = compose(ground, textures(rng, count, k), actions.places)
    return luma + 0.03 * noise(rng, *luma.shape)


def render(rng: Generator, actions: Actions, law: Law = Law()) -> ndarray:
    """Draws the frames of actions: RGB bytes, ``(B, FRAMES, SIZE, SIZE, 3)``."""
    soft = 0.10 * resized(rng, 2 * len(actions.nouns), 6).reshape(-1, 2, SIZE, SIZE)
    chroma = compose(soft + stripes(rng, actions.scene), appearance(rng, actions, law), actions.places)
    return to_bytes(luminance(rng, actions), chroma)


def render_motion(rng: Generator, actions: Actions, strength: float = 1.) -> ndarray:
    """Draws the frames of actions as :func:`render` does, but with random chroma, anew in every frame.

    Args:
        rng: Source of everything that is drawn.
        actions: Their nouns, marks and scenes are not used.
        strength: Factor of the chroma.
    """
    count, k, frames, _ = actions.places.shape
    moments = np.moveaxis(actions.places, 2, 1).reshape(count * frames, k, 1, 2)  # every frame is a picture
    ground = 0.15 * resized(rng, 2 * len(moments), 6).reshape(-1, 2, SIZE, SIZE)
    ground += 0.15 * noise(rng, *ground.shape)
    discs = 0.45 * noise(rng, len(moments), k, 2, 1, 1) + 0.3 * grains(rng, len(moments), k, 2)
    chroma = compose(ground, discs, moments).reshape(count, frames, 2, SIZE, SIZE)
    return to_bytes(luminance(rng, actions), strength * chroma)


def to_bytes(luma: ndarray, chroma: ndarray) -> ndarray:
    """Converts luminance ``(..., H, W)`` and chroma ``(..., 2, H, W)`` to RGB bytes ``(..., H, W, 3)``."""
    a, b = np.moveaxis(chroma.astype(np.float32), -3, 0)
    rgb = np.stack([luma + 1.402 * b, luma - 0.344 * a - 0.714 * b, luma + 1.772 * a], -1)
    return np.rint(MEAN + SCALE * rgb).clip(0, 255).astype(np.uint8)


def framed(frames: ndarray) -> ndarray:
    """Returns the pictures ``(..., SIZE, SIZE, 3)`` with a border, as they are encoded."""
    sides = (CANVAS - SIZE) // 2
    return np.pad(frames, [(0, 0)] * (frames.ndim - 3) + [(sides, sides)] * 2 + [(0, 0)], mode='edge')


def through_codec(frames: ndarray) -> ndarray:
    """Encodes and decodes RGB frames ``(..., H, W, 3)`` as those of the videos are (JPEG, 4:2:0)."""
    sides, quality = (CANVAS - SIZE) // 2, [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    flat = framed(frames)[..., ::-1].reshape(-1, CANVAS, CANVAS, 3)
    decoded = [cv2.imdecode(cv2.imencode('.jpg', frame, quality)[1], cv2.IMREAD_COLOR) for frame in flat]
    inside = np.stack(decoded)[:, sides:-sides, sides:-sides, ::-1]
    return np.ascontiguousarray(inside).reshape(frames.shape)
