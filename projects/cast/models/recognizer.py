"""The recognizer: views in, scores out."""
from functools import cached_property
from typing import Dict, List, Optional, Tuple

import torch
from torch import Tensor

from mmaction.models.recognizers.base import BaseRecognizer
from mmaction.registry import MODELS
from mmaction.utils import OptConfigType, SampleList

from ..checkpoints import State, digest, mismatch
from ..utils import InputError, labels_by_task
from .experts import Inputs, experts_of
from .multi_expert_vit import MASK

Batch = Dict[str, Tensor]


@MODELS.register_module()
class CASTRecognizer(BaseRecognizer):
    """MMAction2's recognizer for backbones that return a dict of features.

    The backbone is a :class:`MultiExpertViT` or a single :class:`Expert`. The head is told nothing about it,
    and may ask by an attribute ``per_frame``, names of experts, for their features frame by frame.

    Args:
        kwargs: see MMAction2's ``BaseRecognizer``. ``test_cfg.max_testing_views`` bounds how many
            views pass through the backbone at a time, whatever the batch size; ``test_cfg.task`` makes a
            model of several tasks predict that one only, for tools that know no more than one label.
    """

    def __init__(self, data_preprocessor: OptConfigType = None, **kwargs) -> None:
        # with its scope, so that the model builds outside of a runner too
        data_preprocessor = data_preprocessor or dict(type='mmaction.ActionDataPreprocessor')
        super().__init__(data_preprocessor=data_preprocessor, **kwargs)
        by_modality = getattr(self.data_preprocessor, 'preprocessors', {})
        for expert in experts_of(self.backbone).values():
            expert.per_frame |= expert.name in getattr(self.cls_head, 'per_frame', ())
            names = [name for name in by_modality if HOST_NAMES.get(name, name) == expert.modality]
            has = by_modality[names[0]] if names else self.data_preprocessor
            expert.set_normalization(**{
                key: getattr(has, key).flatten().tolist() for key in ('mean', 'std') if hasattr(has, key)})

    @cached_property
    def _ddp_params_and_buffers_to_ignore(self) -> List[str]:
        """Names of the learnable parameters that reach no score, asked of autograd by the smallest batch.

        ``DistributedDataParallel``, which waits for a gradient of every parameter that it knows, reads this
        attribute of the module that it wraps. In the last block nothing reads the patches of an expert that
        pools class tokens, nor what the other expert told them: 0.60 M parameters of the full-size model,
        there for the sake of released checkpoints.
        """
        learnable = {name: p for name, p in self.named_parameters() if p.requires_grad}
        some = list(learnable.values())[-1]
        batch = {name: some.new_zeros(1, *shape) for name, shape in self.backbone.smallest_inputs().items()}
        with torch.random.fork_rng([some.device] if some.is_cuda else []), torch.enable_grad():
            scores = self.cls_head.forward(self.backbone.forward(batch))  # not what `compile` made of them
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

    def frozen_experts(self) -> Dict[str, State]:
        """Prefix of each expert's tower in the state dict to the tensors of the tower that never change."""
        frozen = {}
        for path, expert in experts_of(self.backbone).items():
            norm = {id(p) for p in expert.post_norm.parameters()}
            learned = {k for k, p in expert.tower.named_parameters() if id(p) in norm}
            state = expert.tower.state_dict() if expert.frozen else {}
            prefix = f'backbone.{path}.tower.' if path else 'backbone.tower.'
            frozen[prefix] = {k: v for k, v in state.items() if k not in learned}
        return frozen

    def fingerprints(self, positions: bool = False) -> Dict[str, str]:
        """Fingerprint of what is frozen in each expert, by the expert's name.

        Args:
            positions: include position tables, as slim checkpoints of the first release do.
        """
        experts = zip(experts_of(self.backbone).values(), self.frozen_experts().values())
        return {e.name: digest(frozen, () if positions else e.position_tables()) for e, frozen in experts}

    def add_experts(self, state_dict, prefix: str, metadata: dict) -> None:
        """Adds the experts to the state dict of a slim checkpoint, if they are those it was made with."""
        experts = experts_of(self.backbone).values()
        for expert in experts:
            expert.load_checkpoint()
        now, before = self.fingerprints(), self.fingerprints(positions=True)
        for expert, (path, frozen) in zip(experts, self.frozen_experts().items()):
            name, key = expert.name, path.removesuffix('tower.') + 'checkpoint'
            if metadata['experts'].get(name) not in (now[name], before[name]):
                raise InputError(
                    f'{metadata.get("filename", "the checkpoint")} was trained with another expert {name!r} '
                    f'than {expert.checkpoint}; set model.{key} to the file it was trained with')
            state_dict.update({f'{prefix}{path}{k}': v for k, v in frozen.items()})

    def loss(self, inputs: Inputs, data_samples: SampleList, **kwargs) -> dict:
        """Losses, where every view of a sample has its label.

        Args:
            inputs: ``(B, views, 3, F, H, W)``, or a dict of such tensors by modality.
            data_samples: one per sample.
        """
        views = count_views(as_batch(inputs))
        return super().loss(inputs, [sample for sample in data_samples for _ in range(views)], **kwargs)

    def predict(self, inputs: Inputs, data_samples: SampleList, **kwargs) -> SampleList:
        """Scores ``(classes, )`` of each sample, or a dict of them by task."""
        samples = super().predict(inputs, data_samples, **kwargs)
        task = (self.test_cfg or {}).get('task')
        for sample in samples if task else ():
            if task not in sample.pred_score:
                raise InputError(f'model.test_cfg.task={task!r}: the tasks are {list(sample.pred_score)}')
            if 'gt_label' in sample:
                labels = labels_by_task(sample.gt_label, list(sample.pred_score))
                sample.set_gt_label(labels[str(task)].view(1))
            sample.set_pred_label(sample.pred_label[task])
            sample.set_field(sample.pred_score[task], 'pred_score')  # not its setter: it kept the length
        return samples

    def extract_feat(self,
                     inputs: Inputs,
                     stage: str = 'neck',
                     data_samples: Optional[SampleList] = None,
                     test_mode: bool = False) -> Tuple[Dict[str, Tensor], dict]:
        """Features of all views.

        Args:
            inputs: ``(B, views, 3, F, H, W)``, or a dict of tensors ``(B, views, ...)`` by modality, of which
                some may have a single view, which goes with all views of the others.
            stage: ``backbone`` or ``neck`` for features, ``head`` for logits.
            data_samples: unused, as in MMAction2's ``Recognizer3D``.
            test_mode: obey ``max_testing_views``.

        Returns:
            a dict of features of ``B * views`` clips (or what the head returns), and an empty dict of
            arguments for the head.
        """
        batch = as_batch(inputs)
        views = count_views(batch)
        clips = {k: v.repeat_interleave(views, 0) if k.endswith(MASK) else
                 v.expand(-1, views, *v.shape[2:]).flatten(0, 1) for k, v in batch.items()}
        total = len(next(iter(clips.values())))
        step = (self.test_cfg or {}).get('max_testing_views') if test_mode else None
        parts = [self.backbone({k: v[i:i + (step or total)] for k, v in clips.items()})
                 for i in range(0, total, step or total)]
        feats = {expert: torch.cat([part[expert] for part in parts]) for expert in parts[0]}
        return (self.cls_head(feats) if stage == 'head' else feats), {}


HOST_NAMES = {'imgs': 'video'}  # MMAction2's pipelines call a clip `imgs`


def as_batch(inputs: Inputs) -> Batch:
    """Inputs by modality; a tensor is video."""
    if isinstance(inputs, Tensor):
        return {'video': inputs}
    ours = {f'{key}{end}': f'{name}{end}' for key, name in HOST_NAMES.items() for end in ('', MASK)}
    return {ours.get(key, key): value for key, value in inputs.items()}


def count_views(batch: Batch) -> int:
    """Number of views of each sample.

    Raises:
        InputError: if the modalities have different numbers of them, other than one.
    """
    counts = {key: value.shape[1] for key, value in batch.items() if not key.endswith(MASK)}
    views = max(counts.values(), default=1)
    if any(count not in (1, views) for count in counts.values()):
        raise InputError(f'the modalities of a sample have different numbers of views, {counts}; give each '
                         'as many as the others, or one that goes with all of them')
    return views
