"""What each expert knows, and what can be known without binding."""
import math
from pathlib import Path
from typing import Callable, Dict, List

import numpy as np
import torch
import torch.nn.functional as F
from numpy import ndarray
from torch import Tensor, nn

from mmaction.registry import MODELS

from .jobs import write_json
from .pretrain import EXPERT, PRETRAINED, PRETRAINING, normalize
from .scenes import DIRECTIONS, NOUNS, Actions, Law, draw_actions, render, through_codec

Scores = Dict[str, Dict[str, float]]  # by role and fact, in percent

CHANCE = dict(noun=100 / len(NOUNS), direction=100 / len(DIRECTIONS), mark=50., scene=50.)
KNOWS = dict(spatial=('noun', 'mark', 'scene'), temporal=('direction', ))  # what each expert is to know


def linear_probe(features: Tensor, labels: Tensor, share: float = 0.6) -> float:
    """Fits a logistic regression to the first ``share`` of the samples, and scores the others in percent."""
    first = int(share * len(features))
    features = (features - features[:first].mean(0)) / (features[:first].std(0) + 1e-6)
    fc = nn.Linear(features.shape[1], int(labels.max()) + 1)
    minimise(lambda: F.cross_entropy(fc(features[:first]), labels[:first]) + 1e-4 * fc.weight.square().sum(),
             list(fc.parameters()), 200)
    return 100 * (fc(features[first:]).argmax(1) == labels[first:]).float().mean().item()


def minimise(loss: Callable[[], Tensor], parameters: List[Tensor], steps: int) -> None:
    """Fits the few parameters of a probe."""
    optimizer = torch.optim.LBFGS(parameters, max_iter=steps, line_search_fn='strong_wolfe')

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    optimizer.step(closure)


def labels_of(actions: Actions) -> Dict[str, Tensor]:
    """Returns the facts about the moving object, and the scene."""
    facts = dict(noun=actions.nouns[:, 0], direction=actions.direction, mark=actions.marks[:, 0],
                 scene=actions.scene)
    return {name: torch.from_numpy(fact).long() for name, fact in facts.items()}


@torch.no_grad()
def features_of(expert: nn.Module, clips: ndarray) -> Tensor:
    """Returns the pooled features of RGB clips ``(N, F, H, W, 3)``."""
    expert.eval()
    parts = np.array_split(clips, len(clips) // 50)
    return torch.cat([expert(normalize(part))[expert.name] for part in parts])


def probe(experts: Dict[str, nn.Module], seed: int, objects: int = 1, count: int = 4000) -> Scores:
    """Tells what can be read linearly off each frozen expert, in percent, by role and fact.

    Noun and direction are independent in these clips.

    Args:
        experts: Experts without adapters, by role.
        seed: Seed of the clips, which are neither those of pre-training nor the study's.
        objects: Number of objects; a lone one has no noun to be confused with.
        count: Number of clips, most of which serve to fit the probes.
    """
    rng, law = np.random.default_rng([PRETRAINING, seed, 2]), Law(objects=objects, prior=0.5)
    actions = draw_actions(rng, count, law)
    clips = through_codec(render(rng, actions, law))
    features = {role: features_of(expert, clips) for role, expert in experts.items()}
    labels = labels_of(actions)
    return {role: {fact: linear_probe(x, y) for fact, y in labels.items()} for role, x in features.items()}


def blind(scores: Scores, lone: Scores) -> Dict[str, float]:
    """Returns how far each expert is on the other's tasks, from 0 (chance) to 1 (what the other knows).

    Args:
        scores: What the experts know about one of any number of objects.
        lone: What they know about a lone object. Among three, nobody who does not bind knows more than a
            third of the nouns, so that each point would be a large share of what the other knows. If the
            other does not know a fact better than by chance, the share is infinite.
    """
    other, shares = dict(spatial='temporal', temporal='spatial'), {}
    for role in scores:
        for fact in KNOWS[other[role]]:
            whole = lone[other[role]][fact] - CHANCE[fact]
            shares[f'{role}, {fact}'] = (scores[role][fact] - CHANCE[fact]) / whole if whole > 0 else math.inf
    return shares


def probe_towers(folder: Path, seed: int, path: Path) -> None:
    """Writes what the experts of a seed know about a lone object, and about one of three."""
    experts = {}
    for kind, name in PRETRAINED.items():
        expert = MODELS.build(dict(type=kind, adapter_ratio=0, **EXPERT))
        expert.tower.load_state_dict(torch.load(folder / f'{name}_seed{seed}.pth', weights_only=True))
        experts[expert.role] = expert
    found = {str(objects): probe(experts, seed, objects) for objects in (1, 3)}
    write_json(path, found)


def bounds(actions: Actions, prior: float) -> Dict[str, float]:
    """Returns the accuracy of the best guess by who knows all but which of the objects moves.

    That is the direction, the scene, and the nouns with their marks. The share of each noun follows from the
    direction by the prior. Places tell nothing, as all objects can be anywhere alike in every frame.
    """
    sideways = actions.direction < 2
    weight = np.where((actions.nouns % 2 == 0) == sideways[:, None], prior, 1 - prior)
    weight = weight / weight.sum(1, keepdims=True)
    marked = (weight * actions.marks).sum(1)
    verb = np.where(sideways, np.maximum(marked, 1 - marked), 1.)
    noun = 100 * float(weight.max(1).mean())
    return dict(verb=100 * float(verb.mean()), noun=noun, action=noun)  # the noun tells the mark
