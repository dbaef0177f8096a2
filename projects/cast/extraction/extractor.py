"""Features, scores and tokens of batches of clips."""
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Sequence, Tuple

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModel
from torch import Tensor

from ..models import Tokens
from ..models.recognizer import experts_of
from ..utils import InputError, in_order, scores_by_task

WHAT = ('features', 'scores', 'tokens')
Blocks = Dict[Tuple[str, int], Tokens]


@contextmanager
def record_blocks(backbone: torch.nn.Module, blocks: Sequence[int]) -> Iterator[Blocks]:
    """Records what blocks return, by the name of the expert and the block's index, while a model runs."""
    found: Blocks = {}
    experts = experts_of(backbone).values()

    def recording(expert: Any) -> None:
        feed_forward = expert.feed_forward

        def record(i: int, x: Tokens) -> Tokens:
            out = feed_forward(i, x)
            if i in blocks:
                found[expert.name, i] = out
            return out

        expert.feed_forward = record

    for expert in experts:
        recording(expert)
    try:
        yield found
    finally:
        for expert in experts:
            del expert.feed_forward


class Extractor:
    """Computes what is asked for about packed samples.

    Args:
        model: A recognizer.
        what: ``features``, the mean over the views of what ``extract_feat`` returns for each expert;
            ``scores``, the probabilities of each task; or ``tokens``, the tokens ``(views, T, P + S, D)`` of
            blocks, the P class tokens of each frame first.
        blocks: Indices of blocks, from 0. Their features are pooled over tokens, frames and views, without
            the last norm. None means the model's features; tokens are then those of the last block but one,
            as the last one drops the patches of experts that pool class tokens.
        bf16: Whether to compute in bfloat16. What is returned is always in single precision.

    Raises:
        InputError: If there is no such block; the message counts from 1, as names do.
    """

    def __init__(self, model: BaseModel, what: str = 'features', blocks: Sequence[int] = (),
                 bf16: bool = False) -> None:
        self.model, self.what, self.bf16 = model.eval(), what, bf16
        depth = model.backbone.depth
        self.blocks = list(blocks) or ([max(depth - 2, 0)] if what == 'tokens' else [])
        if what not in WHAT:
            raise InputError(f'there is no {what!r} to extract; choose one of {", ".join(WHAT)}')
        if wrong := [i for i in self.blocks if not 0 <= i < depth]:
            raise InputError(f'there is no block {wrong[0] + 1}; the model has the blocks 1 to {depth}')
        if self.blocks and what == 'scores':
            raise InputError('scores are those of the model, not of a block; leave out the blocks')

    @property
    def names(self) -> List[str]:
        """Names of the arrays."""
        if self.what == 'scores':
            classes, one = self.model.cls_head.num_classes, (self.model.test_cfg or {}).get('task')
            return in_order(classes) if isinstance(classes, dict) and not one else ['action']
        experts = [expert.name for expert in experts_of(self.model.backbone).values()]
        return [f'{name}.{i + 1}' for i in sorted({*self.blocks}) for name in experts] or experts

    @torch.no_grad()
    def __call__(self, samples: List[dict]) -> Dict[str, np.ndarray]:
        """Returns arrays ``(B, ...)`` in single precision, by name: that of the expert or the task.

        What belongs to a block is called ``EXPERT.BLOCK``, with blocks counted from 1.
        """
        data = pseudo_collate(samples)
        device = next(self.model.parameters()).device.type
        with torch.autocast(device, torch.bfloat16, enabled=self.bf16):
            if self.what == 'scores':
                return stacked([scores_of(sample.pred_score) for sample in self.model.test_step(data)])
            data = self.model.data_preprocessor(data, False)
            with record_blocks(self.model.backbone, self.blocks) as found:
                features, _ = self.model.extract_feat(data['inputs'], test_mode=True)
        if not self.blocks:
            features = features if isinstance(features, dict) else dict(feature=features)
            return {name: self.by_sample(x, len(samples)).mean(1) for name, x in features.items()}
        experts = {expert.name: expert for expert in experts_of(self.model.backbone).values()}
        arrays = {}
        for (name, i), tokens in found.items():
            pooled = self.what == 'features'
            x = experts[name].summarise(tokens).mean(1) if pooled else tokens.data
            views = self.by_sample(x, len(samples))
            arrays[f'{name}.{i + 1}'] = views.mean(1) if pooled else views
        return arrays

    @staticmethod
    def by_sample(x: Tensor, samples: int) -> np.ndarray:
        """Converts ``(B * views, ...)`` to ``(B, views, ...)``."""
        return x.float().cpu().numpy().reshape(samples, -1, *x.shape[1:])


def scores_of(score: Any) -> Dict[str, np.ndarray]:
    """Returns the probabilities of a sample by task; a single task is called ``action``."""
    return {task: part.float().cpu().numpy() for task, part in scores_by_task(score).items()}


def stacked(rows: List[Dict[str, np.ndarray]]) -> Dict[str, np.ndarray]:
    """Converts the arrays of each sample to arrays of all samples."""
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}
