"""The heads of X-ViT, which look at the class tokens of all frames (https://arxiv.org/abs/2106.05968)."""
from typing import Dict, Optional

import torch
from timm.models.vision_transformer import Block
from torch import Tensor, nn

from mmaction.registry import MODELS

from ...utils import InputError
from .adapted_sum import Features, pick
from .fused_head import OneLabelHead
from .multi_task_head import MultiTaskHead


class TemporalTransformer(nn.Module):
    """A transformer over the features of the frames, whose own class token is the feature of the clip.

    It has no positions, because X-ViT adds those of time to its input. Without layers, it is the mean.

    Args:
        embed_dims: Width D.
        num_layers: Number of pre-norm blocks.
        num_heads: Number of attention heads.
    """

    def __init__(self, embed_dims: int, num_layers: int = 1, num_heads: int = 12) -> None:
        super().__init__()
        if num_layers and embed_dims % num_heads:
            raise InputError(f'in_channels={embed_dims} cannot be divided among num_heads={num_heads}')
        self.blocks = nn.ModuleList(
            Block(embed_dims, num_heads, norm_layer=nn.LayerNorm) for _ in range(num_layers))
        if num_layers:
            self.cls_token = nn.Parameter(torch.zeros(1, 1, embed_dims))

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``(B, T, D)`` to ``(B, D)``."""
        if x.ndim != 3:
            raise InputError('the head needs a feature for each frame, (B, T, D), got '
                             f'{tuple(x.shape)}; set per_frame=True of the backbone')
        if not self.blocks:
            return x.mean(1)
        x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], 1)
        for block in self.blocks:
            x = block(x)
        return x[:, 0]


def classifier(embed_dims: int, num_classes: int, dropout: float, num_layers: int) -> nn.Module:
    """Returns X-ViT's classifier: two layers after a temporal transformer, and one after the mean."""
    if not num_layers:
        return nn.Linear(embed_dims, num_classes)
    return nn.Sequential(nn.LayerNorm(embed_dims), nn.Linear(embed_dims, embed_dims), nn.GELU(),
                         nn.Dropout(dropout), nn.Linear(embed_dims, num_classes))


@MODELS.register_module()
class XViTHead(OneLabelHead):
    """X-ViT's head for one label: a temporal transformer over the frames, and a classifier.

    Args:
        num_classes: Number of classes.
        in_channels: Width D of the features.
        expert: Name of the expert whose features are read, frame by frame.
        num_layers: Number of layers of the temporal transformer; 0 is the mean and a linear layer.
        num_heads: Number of its attention heads.
        dropout_ratio: Dropout before the last layer.
        average_clips: What is averaged over the views of a sample: ``prob``, ``score`` or None.
        kwargs: See MMAction2's ``BaseHead``.
    """

    def __init__(self, num_classes: int, in_channels: int = 768, expert: str = 'temporal',
                 num_layers: int = 1, num_heads: int = 12, dropout_ratio: float = 0.5,
                 average_clips: Optional[str] = 'prob', **kwargs) -> None:
        super().__init__(num_classes, in_channels, average_clips=average_clips, **kwargs)
        self.per_frame = (expert, )
        self.temporal = TemporalTransformer(in_channels, num_layers, num_heads)
        self.fc_cls = classifier(in_channels, num_classes, dropout_ratio, num_layers)

    def forward(self, x: Features, **kwargs) -> Tensor:
        """Maps features ``(B, T, D)`` to logits ``(B, num_classes)``."""
        frames = pick(x, self.per_frame[0], self.in_channels)
        return self.fc_cls(self.temporal(frames.to(next(self.parameters()).dtype)))


@MODELS.register_module()
class XViTTaskHead(MultiTaskHead):
    """X-ViT's head for several labels, such as verb and noun: one classifier for each behind the transformer.

    Args:
        expert, num_layers, num_heads, dropout_ratio: See :class:`XViTHead`.
        num_classes: Number of classes of each task.
        in_channels: Width D of the features.
        kwargs: See :class:`MultiTaskHead`.
    """

    def __init__(self, num_classes: Dict[str, int] = dict(verb=97, noun=300), in_channels: int = 768,
                 expert: str = 'temporal', num_layers: int = 1, num_heads: int = 12,
                 dropout_ratio: float = 0.5, **kwargs) -> None:
        super().__init__(num_classes, in_channels, dict.fromkeys(num_classes, expert), **kwargs)
        self.per_frame = (expert, )
        self.temporal = TemporalTransformer(in_channels, num_layers, num_heads)
        self.fc_cls = nn.ModuleDict({
            task: classifier(in_channels, num_classes[task], dropout_ratio, num_layers)
            for task in self.fc_cls})

    def fuse(self, x: Features) -> Dict[str, Tensor]:
        """Returns the feature of the clip for each task."""
        frames = pick(x, self.per_frame[0], self.in_channels).to(next(self.parameters()).dtype)
        return dict.fromkeys(self.experts, self.temporal(frames))
