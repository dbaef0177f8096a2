"""What gives the labels away: cues that should not suffice."""
from pathlib import Path
from typing import Dict, Tuple

import numpy as np
import torch
from numpy import ndarray

from .generate import read_objects
from .jobs import write_json
from .probes import CHANCE, labels_of, linear_probe, minimise
from .scenes import FRAMES, SIZE, Actions

SIDE = 12  # cells along each side of the pictures that the probes see
LUMA = torch.tensor([0.299, 0.587, 0.114])  # of JPEG


def controls(actions: Actions, clips: ndarray) -> Dict[str, Tuple[float, float]]:
    """Returns how well cues that should not suffice tell noun, direction, mark, scene and the moving object.

    Args:
        actions: Clips in which noun and direction are independent.
        clips: Their frames, RGB bytes ``(N, F, H, W, 3)``.

    Returns:
        Accuracies in percent, each with the most that is to be expected: what chance gives or, where the
        objects' colours are seen, guessing among them.
    """
    count, k = actions.nouns.shape
    cells = clips.reshape(count, FRAMES, SIDE, SIZE // SIDE, SIDE, SIZE // SIDE, 3)
    small = torch.from_numpy(cells.mean((3, 5))).float()
    still = {'mean colour': small.mean((1, 2, 3)), 'first frame': small[:, 0]}
    motion = {'path': torch.from_numpy(actions.places[:, 0]).float(),
              'differences of luminance': (small @ LUMA).diff(dim=1)}
    marked = actions.marks.mean(1)  # who guesses the more frequent mark is right so often
    wanted = [('noun', still, 100 / k), ('noun', motion, CHANCE['noun']),
              ('direction', still, CHANCE['direction']),
              ('mark', still, 100 * float(np.maximum(marked, 1 - marked).mean())),
              ('mark', motion, CHANCE['mark']),
              ('scene', {**motion, 'mean colour': still['mean colour']}, CHANCE['scene'])]
    labels, found = labels_of(actions), {}
    for fact, cues, most in wanted:
        for name, cue in cues.items():
            found[f'{fact} from the {name}'] = linear_probe(cue.flatten(1), labels[fact]), most
    # the patches in which an object is, in one frame or on average: can they tell which object moves?
    for name, frames in (('first frame', [0]), ('middle frame', [4]), ('frames of CLIP', [1, 3, 5, 7])):
        patch = (actions.places[:, :, frames] // 8 @ [6, 1])[..., None] == np.arange(36)
        found[f'moving object from its places in the {name}'] = (mover_probe(patch.mean(2)), 100 / k)
    return found


def mover_probe(codes: ndarray, share: float = 0.6) -> float:
    """Fits a linear score to codes of objects, ``(N, K, D)``; returns how often the first has the highest."""
    x, first = torch.from_numpy(codes).float(), int(share * len(codes))
    weight = torch.zeros(x.shape[-1], requires_grad=True)
    minimise(lambda: -(x[:first] @ weight).log_softmax(1)[:, 0].mean() + 1e-3 * weight.square().sum(),
             [weight], 100)
    score = (x[first:] @ weight).detach()
    best = score == score.max(1, keepdim=True).values
    return 100 * (best[:, 0] / best.sum(1)).mean().item()  # equal scores are guesses


def write_controls(data: Path, path: Path) -> None:
    """Writes what :func:`controls` finds in the decoded clips whose nouns and directions are independent."""
    actions = read_objects(data, 'no-prior')
    clips = np.load(data / 'decoded_test.npy', mmap_mode='r')[-len(actions.nouns):, 0]
    clips = clips.transpose(0, 2, 3, 4, 1)
    write_json(path, controls(actions, clips))
