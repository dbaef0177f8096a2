"""Pre-training of the study's experts, each on data that lacks what the other is to know."""
import math
from pathlib import Path
from typing import Any, Dict, Tuple

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.optim import build_optim_wrapper
from mmengine.runner import save_checkpoint, set_random_seed
from torch import Tensor, nn

from mmaction.registry import MODELS

from .scenes import (
    DIRECTIONS,
    FRAMES,
    MEAN,
    NOUNS,
    SCALE,
    SIZE,
    Law,
    around,
    draw_actions,
    render,
    render_motion,
    through_codec,
)

EXPERT: Dict[str, Any] = dict(
    img_size=SIZE, patch_size=8, num_frames=FRAMES, embed_dims=64, depth=4, num_heads=4, mlp_ratio=2.)
XAVIER = dict(type='Xavier', layer='Linear', distribution='uniform')  # small towers hardly learn without it
OPTIM_WRAPPER = dict(
    optimizer=dict(type='AdamW', lr=1.5e-3, betas=(0.9, 0.98), weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0., bias_decay_mult=0., flat_decay_mult=0.),
    clip_grad=dict(max_norm=1.))
WARMUP = 100  # steps
EVERY = 100  # steps between checkpoints


def normalize(frames: np.ndarray) -> Tensor:
    """Converts RGB bytes ``(B, F, H, W, 3)`` to normalised clips ``(B, 3, F, H, W)``."""
    return (torch.from_numpy(frames).permute(0, 4, 1, 2, 3).float() - MEAN) / SCALE


class Stills(nn.Module):
    """CLIP's tower, which learns from single pictures what is in them, and nothing about motion.

    The class token tells which noun is there with which mark, and the scene.
    """

    steps, batch_size = 1500, 128

    def __init__(self) -> None:
        super().__init__()
        self.expert = MODELS.build(dict(type='CLIPExpert', adapter_ratio=0, frozen=False, **EXPERT))
        self.fc = nn.Linear(EXPERT['embed_dims'], 2 * len(NOUNS) + 1)

    def batch(self, rng: np.random.Generator, step: int) -> Tuple[Tensor, ...]:
        """Draws pictures with three or four objects and marks of different strength."""
        law = Law(objects=int(rng.integers(3, 5)), mark=rng.uniform(0.8, 1.6), prior=0.5)
        actions = draw_actions(rng, self.batch_size, law)
        moment = rng.integers(FRAMES)
        actions = actions._replace(places=actions.places[:, :, moment:moment + 1])
        target = np.zeros((self.batch_size, 2 * len(NOUNS) + 1), np.float32)
        np.put_along_axis(target, 2 * actions.nouns + actions.marks, 1, axis=1)
        target[:, -1] = actions.scene
        pictures = through_codec(render(rng, actions, law)).repeat(2, 1)  # a tube of two frames
        return normalize(pictures), torch.from_numpy(target)

    def losses(self, clip: Tensor, target: Tensor) -> Tensor:
        """Returns the loss, the mean binary cross entropy."""
        return 5 * F.binary_cross_entropy_with_logits(self.fc(self.expert(clip)['spatial']), target)


class Motions(nn.Module):
    """VideoMAE's tower, which learns from clips what moves, while all colours are random in every frame.

    It tells the direction of the motion, and for each token whether it is at the moving object. The random
    colours grow stronger over the first steps; with full strength from the start, it does not learn.
    """

    steps, batch_size, rise = 1300, 32, 400

    def __init__(self) -> None:
        super().__init__()
        self.expert = MODELS.build(
            dict(type='VideoMAEExpert', adapter_ratio=0, frozen=False, init_cfg=XAVIER, **EXPERT))
        self.fc = nn.Linear(EXPERT['embed_dims'], len(DIRECTIONS))
        self.dense = nn.Linear(EXPERT['embed_dims'], len(DIRECTIONS) + 1)

    def batch(self, rng: np.random.Generator, step: int) -> Tuple[Tensor, ...]:
        """Draws clips with three or four objects, and the class of every token."""
        actions = draw_actions(rng, self.batch_size, Law(objects=int(rng.integers(3, 5)), prior=0.5))
        clips = through_codec(render_motion(rng, actions, min(1., step / self.rise)))
        direction = torch.from_numpy(actions.direction)
        t, h, w = self.expert.grid
        tube = actions.places[:, 0].reshape(-1, t, FRAMES // t, 2)
        middle = tube[:, :, 0] + around(tube[:, :, -1] - tube[:, :, 0]) / 2
        tokens = (np.stack(np.mgrid[:h, :w], -1).reshape(h * w, 2) + 0.5) * SIZE / h - 0.5
        near = torch.from_numpy(np.abs(around(middle[:, :, None] - tokens)).max(-1) <= 6)
        return normalize(clips), direction, near * (1 + direction.view(-1, 1, 1))

    def losses(self, clip: Tensor, direction: Tensor, tokens: Tensor) -> Tensor:
        """Returns the loss: the cross entropy of the clip, and twice that of its tokens."""
        x = self.expert.embed(clip)
        for i in range(self.expert.depth):
            x = self.expert.feed_forward(i, self.expert.self_attend(i, x))
        weight = torch.tensor([0.1] + [1.] * len(DIRECTIONS))  # most tokens see nothing move
        dense = F.cross_entropy(self.dense(x.data).flatten(0, 2), tokens.flatten(), weight)
        return F.cross_entropy(self.fc(self.expert.pool(x)), direction) + 2 * dense


PRETRAINED = {'CLIPExpert': 'stills', 'VideoMAEExpert': 'motions'}  # names of towers by type
STAGES = {'stills': Stills, 'motions': Motions}
PRETRAINING = 1  # the first number of the seeds of its data


def pretrain(kind: str, path: Path, seed: int, steps: int = 0) -> None:
    """Trains an expert and writes its tower to ``path``; a run that was stopped goes on where it was.

    Args:
        kind: Key of STAGES.
        path: File of the tower.
        seed: Seed of the data and the weights.
        steps: Number of steps, or 0 for that of the class.
    """
    set_random_seed(seed)
    model = STAGES[kind]()
    steps = steps or model.steps
    model.expert.init_weights()
    wrapper = build_optim_wrapper(model, OPTIM_WRAPPER)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        wrapper.optimizer, lambda i: min((i + 1) / WARMUP, 0.5 + 0.5 * math.cos(math.pi * i / steps)))
    parts, partial, first = (model, wrapper, schedule), path.with_suffix('.partial'), 0
    if partial.exists():
        first, *states = torch.load(partial, weights_only=True)
        for part, state in zip(parts, states):
            part.load_state_dict(state)
    for step in range(first, steps):
        rng = np.random.default_rng([PRETRAINING, seed, list(STAGES).index(kind), step])
        loss = model.losses(*model.batch(rng, step))
        wrapper.update_params(loss)
        schedule.step()
        if (step + 1) % EVERY == 0:
            print(f'{path.stem}: step {step + 1} of {steps}, loss {loss.item():.3f}', flush=True)
            save([step + 1, *(part.state_dict() for part in parts)], partial)
    save(model.expert.tower.state_dict(), path)
    partial.unlink(missing_ok=True)


def save(value: Any, path: Path) -> None:
    """Writes a file that is either complete or not there."""
    save_checkpoint(value, str(path), backend_args=dict(backend='atomic'))
