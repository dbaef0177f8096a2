"""The recognizer: views in, scores out."""
import math
from functools import cached_property
from typing import Dict, List, Tuple

import torch
from torch import Tensor

from mmaction.models.recognizers.base import BaseRecognizer
from mmaction.registry import MODELS
from mmaction.utils import OptConfigType, SampleList

from ..errors import InputError
from ..state_dict import is_fingerprint, mismatch


@MODELS.register_module()
class CASTRecognizer(BaseRecognizer):
    """MMAction2's recognizer for backbones that return a dict of features.

    Args:
        kwargs: see MMAction2's ``BaseRecognizer``. ``test_cfg.max_testing_views`` bounds how many
            views pass through the backbone at a time, whatever the batch size; ``test_cfg.task`` makes a
            model of several tasks predict that one only, for tools that know no more than one label.
    """

    def __init__(self, data_preprocessor: OptConfigType = None, **kwargs) -> None:
        # with its scope, so that the model builds outside of a runner too
        data_preprocessor = data_preprocessor or dict(type='mmaction.ActionDataPreprocessor')
        super().__init__(data_preprocessor=data_preprocessor, **kwargs)

    @cached_property
    def _ddp_params_and_buffers_to_ignore(self) -> List[str]:
        """Names of the learnable parameters that reach no score, asked of autograd by the smallest clip.

        ``DistributedDataParallel``, which waits for a gradient of every parameter that it knows, reads this
        attribute of the module that it wraps. In the last block nothing reads the patches of an expert that
        pools class tokens, nor what the other expert told them: 0.60 M parameters of the full-size model,
        there for the sake of released checkpoints.
        """
        learnable = {name: p for name, p in self.named_parameters() if p.requires_grad}
        size = map(math.lcm, *(expert.tube for expert in self.backbone.experts.values()))
        clip = list(learnable.values())[-1].new_zeros(1, 3, *size)
        with torch.random.fork_rng([clip.device] if clip.is_cuda else []), torch.enable_grad():
            scores = self.cls_head.forward(self.backbone.forward(clip))  # not what `compile` made of them
            scores = scores.values() if isinstance(scores, dict) else [scores]
            total = torch.stack([s.sum() for s in scores]).sum()
            gradients = torch.autograd.grad(total, list(learnable.values()), allow_unused=True)
        return [name for name, gradient in zip(learnable, gradients) if gradient is None]

    def get_layer_depth(self, param_name: str) -> Tuple[int, int]:
        """The layer of a parameter, for mmpretrain's ``LearningRateDecayOptimWrapperConstructor``.

        Args:
            param_name: as in ``named_parameters``.

        Returns:
            0 for embeddings, i + 1 for block i, depth + 1 for all behind the blocks; and their number.
        """
        groups = self.backbone.layer_groups()
        layers = {id(p): i for i, group in enumerate(groups) for p in group}
        return layers.get(id(self.get_parameter(param_name)), len(groups) - 1), len(groups)

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *args) -> None:
        """Stops at a checkpoint of another model, which mmengine would only log.

        A checkpoint without any head is taken: the head then starts anew, as in fine-tuning. To one
        without the frozen experts (a slim one) they are added from their own files.
        """
        if 'experts' in local_metadata:
            self.add_experts(state_dict, prefix, local_metadata)
        if 'filename' in local_metadata and args[0]:  # mmengine's loading of a file, which is called strict
            self.check_file(state_dict, prefix, local_metadata['filename'])
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *args)

    def check_file(self, state_dict, prefix: str, filename: str) -> None:
        """Raises InputError if a checkpoint, but for its head, does not belong to this model."""
        own = self.state_dict(prefix=prefix)
        if not any(key.startswith(f'{prefix}cls_head.') for key in state_dict):
            own = {k: v for k, v in own.items() if not k.startswith(f'{prefix}cls_head.')}
        problem = mismatch(own, state_dict)
        if problem:
            raise InputError(
                f'{filename} belongs to another model than the config: {problem}. Give the config it was '
                'made with; tools/convert/release_checkpoint.py converts released CAST checkpoints, and with '
                '--drop-head readies any checkpoint for learning other classes')

    def frozen_experts(self) -> Dict[str, Dict[str, Tensor]]:
        """Expert to the tensors of its tower that never change."""
        frozen: Dict[str, Dict[str, Tensor]] = {}
        for name, expert in self.backbone.experts.items():
            norm = {id(p) for p in expert.post_norm.parameters()}
            learned = {k for k, p in expert.tower.named_parameters() if id(p) in norm}
            frozen[name] = {k: v for k, v in expert.tower.state_dict().items() if k not in learned
                            } if expert.frozen else {}
        return frozen

    def add_experts(self, state_dict, prefix: str, metadata: dict) -> None:
        """Adds the experts to the state dict of a slim checkpoint, if they are those it was made with."""
        for expert in self.backbone.experts.values():
            expert.load_checkpoint()
        for name, frozen in self.frozen_experts().items():
            if not is_fingerprint(metadata['experts'].get(name), frozen):
                raise InputError(
                    f'{metadata.get("filename", "the checkpoint")} was trained with another expert {name!r} '
                    f'than {self.backbone.experts[name].checkpoint}; set '
                    f'model.backbone.experts.{name}.checkpoint to the file it was trained with')
            state_dict.update({f'{prefix}backbone.experts.{name}.tower.{k}': v for k, v in frozen.items()})

    def loss(self, inputs: Tensor, data_samples: SampleList, **kwargs) -> dict:
        """Losses, where every view of a sample has its label.

        Args:
            inputs: ``(B, views, 3, F, H, W)``.
            data_samples: one per sample.
        """
        views = inputs.shape[1]
        return super().loss(inputs, [sample for sample in data_samples for _ in range(views)], **kwargs)

    def predict(self, inputs: Tensor, data_samples: SampleList, **kwargs) -> SampleList:
        """Scores ``(classes, )`` of each sample, or a dict of them by task."""
        samples = super().predict(inputs, data_samples, **kwargs)
        task = (self.test_cfg or {}).get('task')
        for sample in samples if task else ():
            if task not in sample.pred_score:
                raise InputError(f'model.test_cfg.task={task!r}: the tasks are {list(sample.pred_score)}')
            i = list(sample.pred_score).index(task)
            if 'gt_label' in sample:
                sample.set_gt_label(sample.gt_label[i:i + 1])
            sample.set_pred_label(sample.pred_label[i:i + 1])
            sample.set_field(sample.pred_score[task], 'pred_score')  # not its setter: it kept the length
        return samples

    def extract_feat(self,
                     inputs: Tensor,
                     stage: str = 'neck',
                     data_samples=None,
                     test_mode: bool = False) -> Tuple[Dict[str, Tensor], dict]:
        """Features of all views.

        Args:
            inputs: ``(B, views, 3, F, H, W)``.
            stage: ``backbone`` or ``neck`` for features, ``head`` for logits.
            data_samples: unused, as in MMAction2's ``Recognizer3D``.
            test_mode: obey ``max_testing_views``.

        Returns:
            a dict of ``(B * views, D)`` features (or what the head returns), and an empty dict of
            arguments for the head.
        """
        clips = inputs.flatten(0, 1)
        chunk = (self.test_cfg or {}).get('max_testing_views') if test_mode else None
        parts = [self.backbone(part) for part in clips.split(chunk or len(clips))]
        feats = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        return (self.cls_head(feats) if stage == 'head' else feats), {}
