"""Where the experts of a trained model look, compared with where the objects are."""
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import numpy as np
import torch
from mmengine import Config
from mmengine.runner import load_checkpoint, set_random_seed
from numpy import ndarray

from mmaction.registry import MODELS
from projects.cast.models import received, record_attention

from .generate import read_objects
from .jobs import write_json
from .scenes import DISC, FRAMES, SIZE

PATCH, TUBE = 8, 2
CLIPS = 320


def touched(places: ndarray) -> ndarray:
    """Returns the share of each patch that an object covers.

    Args:
        places: Its centres in whole pixels, ``(B, T, 2)``.

    Returns:
        ``(B, T, S)``, in the order of the patches.
    """
    covered = np.zeros((*places.shape[:2], SIZE, SIZE))
    for b, t in np.ndindex(*places.shape[:2]):
        y, x = ((places[b, t] + DISC) % SIZE).T
        covered[b, t, y, x] = 1
    side = SIZE // PATCH
    patches = covered.reshape(*places.shape[:2], side, PATCH, side, PATCH).mean((3, 5))
    return patches.reshape(*places.shape[:2], side * side)


def over_even(mass: ndarray, share: ndarray, axis: int) -> float:
    """Returns the attention on an object as a multiple of what even attention would have there.

    Args:
        mass: Attention by patch, ``(B, T, S)``, which sums to 1 over the axis.
        share: What :func:`touched` returned.
        axis: -1 for attention in space, 1 for attention along time.
    """
    return float((mass * share).sum() / share.mean(axis).sum())


def looks(config: Config, checkpoint: Optional[Path], data: Path, seed: int) -> Dict[str, List[float]]:
    """Returns how much more attention than even a model has where something moves, for each block.

    Args:
        config: The study's config of a row that exchanges in both directions, in the paper's windows.
        checkpoint: What was trained, or None for the model before training.
        data: Folder of the level, with its decoded clips.
        seed: Seed of the model before training.

    Returns:
        ``S2T, moving`` and ``S2T, resting``: the attention of the temporal expert on the object that moves,
        and on the others, as a multiple of their area. ``T2S, moving``: the attention of the spatial expert,
        at the places that the object passes, on the frames in which it is there, as a multiple of their
        number.
    """
    set_random_seed(seed)
    model = MODELS.build(config.model)
    model.init_weights()
    if checkpoint:
        load_checkpoint(model, str(checkpoint), map_location='cpu')
    model.eval()
    places = read_objects(data, 'validation').places[:CLIPS]
    clips = torch.from_numpy(np.array(np.load(data / 'decoded_test.npy', mmap_mode='r')[:len(places)]))
    masses: Dict[Tuple[str, int], List[ndarray]] = {}
    for part in clips.split(32):
        with record_attention(model) as found, torch.no_grad():
            model(**model.data_preprocessor(dict(inputs=list(part), data_samples=None)), mode='tensor')
        for a in found:
            if a.exchange:
                masses.setdefault((a.asking, a.block), []).append(received(a).numpy())
    tubes = places.reshape(*places.shape[:2], FRAMES // TUBE, TUBE, 2)
    seen = tubes[..., -1, :]  # CLIP reads the last frame of each tube
    moving, *resting = (touched(seen[:, k]) for k in range(seen.shape[1]))
    passed = sum(touched(tubes[:, 0, :, f]) for f in range(TUBE)) / TUBE
    ratios: Dict[str, List[float]] = {}
    for (asking, _), parts in sorted(masses.items()):
        mass = np.concatenate(parts)
        if asking == 'temporal':  # in the space of each frame
            ratios.setdefault('S2T, moving', []).append(over_even(mass, moving, -1))
            ratios.setdefault('S2T, resting', []).append(over_even(mass, sum(resting) / len(resting), -1))
        else:  # along time at each place
            ratios.setdefault('T2S, moving', []).append(over_even(mass, passed, 1))
    return ratios


def write_looks(config: Config, checkpoint: Path, data: Path, seed: int, path: Path) -> None:
    """Writes what :func:`looks` returns before and after training."""
    found = dict(before=looks(config, None, data, seed), after=looks(config, checkpoint, data, seed))
    write_json(path, found)
