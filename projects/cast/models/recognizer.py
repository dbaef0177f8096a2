"""The recognizer, which turns views into scores."""
import logging
from functools import cached_property
from typing import Dict, List, Optional, Tuple, Union

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmaction.models.recognizers.base import BaseRecognizer
from mmaction.registry import MODELS
from mmaction.utils import OptConfigType, SampleList

from ..checkpoints import State, digest, mismatch, part_of
from ..utils import InputError, labels_by_task
from .experts import Expert
from .inputs import HOST_NAMES, Inputs, as_batch, count_views, flatten_views


@MODELS.register_module()
class CASTRecognizer(BaseRecognizer):
    """MMAction2's recognizer for backbones that return a dict of features.

    The backbone is a :class:`MultiExpertViT` or a single :class:`Expert`. The head does not know it, but may
    list names of experts in its attribute ``per_frame`` to ask for their features frame by frame.

    Args:
        kwargs: See MMAction2's ``BaseRecognizer``. ``test_cfg.max_testing_views`` bounds the number of views
            that pass through the backbone at a time, whatever the batch size. ``test_cfg.task`` makes a
            model of several tasks predict only that one, for tools that support a single label.
    """

    def __init__(self, data_preprocessor: OptConfigType = None, **kwargs) -> None:
        # built here, by MMAction2's registry, so that the model can also be built without a runner
        data_preprocessor = data_preprocessor or dict(type='ActionDataPreprocessor')
        if isinstance(data_preprocessor, dict):
            data_preprocessor = MODELS.build(data_preprocessor)
        super().__init__(data_preprocessor=data_preprocessor, **kwargs)
        by_modality = getattr(self.data_preprocessor, 'preprocessors', {})
        for expert in experts_of(self.backbone).values():
            expert.per_frame |= expert.name in getattr(getattr(self, 'cls_head', None), 'per_frame', ())
            names = [name for name in by_modality if HOST_NAMES.get(name, name) == expert.modality]
            preprocessor = by_modality[names[0]] if names else self.data_preprocessor
            expert.set_normalization(**{
                key: getattr(preprocessor, key).flatten().tolist() for key in ('mean', 'std')
                if hasattr(preprocessor, key)})

    @cached_property
    def _ddp_params_and_buffers_to_ignore(self) -> List[str]:
        """Names of the learnable parameters that reach no score, found by autograd on the smallest batch.

        ``DistributedDataParallel`` waits for a gradient of every parameter that it knows, and reads this
        attribute of the module that it wraps. In the last block, nothing reads the patches of an expert that
        pools class tokens, nor what the other expert sends to them. These are 0.60 M parameters of the
        full-size model, which are kept for the sake of released checkpoints.
        """
        learnable = {name: p for name, p in self.named_parameters() if p.requires_grad}
        some = list(learnable.values())[-1]
        batch = {name: some.new_zeros(1, *shape) for name, shape in self.backbone.smallest_inputs().items()}
        with torch.random.fork_rng([some.device] if some.is_cuda else []), torch.enable_grad():
            scores = self.cls_head.forward(self.backbone.forward(batch))  # not their compiled versions
            scores = scores.values() if isinstance(scores, dict) else [scores]
            total = torch.stack([s.sum() for s in scores]).sum()
            gradients = torch.autograd.grad(total, list(learnable.values()), allow_unused=True)
        return [name for name, gradient in zip(learnable, gradients) if gradient is None]

    def get_layer_depth(self, param_name: str) -> Tuple[int, int]:
        """Returns the layer of a parameter, for mmpretrain's ``LearningRateDecayOptimWrapperConstructor``.

        Args:
            param_name: Name as in ``named_parameters``.

        Returns:
            The layer (0 for embeddings, i + 1 for block i, depth + 1 for the rest) and the number of layers.
        """
        groups = self.backbone.layer_groups()
        layers = {id(p): i for i, group in enumerate(groups) for p in group}
        return layers.get(id(self.get_parameter(param_name)), len(groups) - 1), len(groups)

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *args) -> None:
        """Rejects a checkpoint of another model, which mmengine would only log.

        A checkpoint without any head is accepted; the head then starts from scratch, as in fine-tuning. Such
        a checkpoint may also have fewer or more experts than the model: CAST's starts CA2ST, and the other
        way round; an expert that it lacks comes from its own file, and so do all frozen ones if a checkpoint
        was stored without them (a slim one).
        """
        if 'experts' in local_metadata:
            self.add_experts(state_dict, prefix, local_metadata)
        if 'filename' in local_metadata and args[0]:  # mmengine loads a file with strict=True
            self.check_file(state_dict, prefix, local_metadata['filename'])
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *args)

    @staticmethod
    def shared_parts(own: State, theirs: State, prefix: str, filename: str) -> Tuple[State, State]:
        """Returns what a model and a file of other experts have in common, and logs the rest."""
        ours, given = ({part_of(name.removeprefix(prefix)) for name in state} for state in (own, theirs))
        experts, same = ({part for part in parts if part.startswith('expert ')}
                         for parts in (ours ^ given, ours & given))
        if not experts or not same:  # then everything must be the same
            return own, theirs
        for part in sorted(ours ^ given):
            what = (f'has no {part}, which starts as the config says' if part in ours else
                    f'its {part} is not in the model')
            print_log(f'{filename}: {what}', 'current', logging.WARNING)
        own, theirs = ({name: tensor for name, tensor in state.items()
                        if part_of(name.removeprefix(prefix)) in ours & given} for state in (own, theirs))
        return own, theirs

    def check_file(self, state_dict, prefix: str, filename: str) -> None:
        """Raises an InputError if a checkpoint, apart from its head, does not belong to this model.

        Experts that it lacks are loaded from their own files.
        """
        own = self.state_dict(prefix=prefix)
        theirs = dict(state_dict)
        if not has_head(theirs, prefix):
            own = {k: v for k, v in own.items() if not k.startswith(f'{prefix}cls_head.')}
            own, theirs = self.shared_parts(own, theirs, prefix, filename)
        problem = mismatch(own, theirs)
        if problem:
            raise InputError(
                f'{filename} belongs to another model than the config: {problem}. Give the config it was '
                'made with; tools/convert/release_checkpoint.py converts released CAST checkpoints, and with '
                '--drop-head readies any checkpoint for learning other classes')
        given = {part_of(name.removeprefix(prefix)) for name in state_dict}
        for path, expert in experts_of(self.backbone).items():
            if path and part_of(f'backbone.{path}') not in given:
                expert.load_checkpoint()
        names: Dict[int, List[str]] = {}
        for name, parameter in self.named_parameters(prefix.rstrip('.'), remove_duplicate=False):
            names.setdefault(id(parameter), []).append(name)
        for first, *others in (shared for shared in names.values() if len(shared) > 1):
            if any(not torch.equal(theirs[first], theirs[name]) for name in others
                   if first in theirs and name in theirs):
                raise InputError(f'{filename} belongs to a model that does not share {first} with {others}; '
                                 'set share_projections as in the config it was made with')

    def frozen_experts(self) -> Dict[str, State]:
        """Returns the tensors of each tower that never change, by the tower's prefix in the state dict."""
        frozen = {}
        for path, expert in experts_of(self.backbone).items():
            norm = {id(p) for p in expert.post_norm.parameters() if expert.learns_post_norm}
            learned = {k for k, p in expert.tower.named_parameters() if id(p) in norm}
            state = expert.tower.state_dict() if expert.frozen else {}
            prefix = f'backbone.{path}.tower.' if path else 'backbone.tower.'
            frozen[prefix] = {k: v for k, v in state.items() if k not in learned}
        return frozen

    def fingerprints(self, positions: bool = False) -> Dict[str, str]:
        """Returns a fingerprint of the frozen tensors of each expert, by the expert's name.

        Args:
            positions: Whether to include position tables, as slim checkpoints of the first release do.
        """
        experts = zip(experts_of(self.backbone).values(), self.frozen_experts().values())
        return {e.name: digest(frozen, () if positions else e.position_tables()) for e, frozen in experts}

    def add_experts(self, state_dict, prefix: str, metadata: dict) -> None:
        """Adds the experts to a slim checkpoint's state dict, if they are those that it was made with.

        Without a head, it may belong to a model of fewer experts; :meth:`check_file` loads the others.
        """
        given = [e for e in experts_of(self.backbone).values()
                 if has_head(state_dict, prefix) or e.name in metadata['experts']]
        for expert in given:
            expert.load_checkpoint()
        for expert, (path, frozen) in zip(experts_of(self.backbone).values(), self.frozen_experts().items()):
            if expert not in given:
                continue
            name, key = expert.name, path.removesuffix('tower.') + 'checkpoint'
            # with the positions left out and, as in the first release, included
            ways = (digest(frozen, left_out) for left_out in (expert.position_tables(), ()))
            if metadata['experts'].get(name) not in ways:
                raise InputError(
                    f'{metadata.get("filename", "the checkpoint")} was trained with another expert {name!r} '
                    f'than {expert.checkpoint}; set model.{key} to the file it was trained with')
            state_dict.update({f'{prefix}{path}{k}': v for k, v in frozen.items()})

    def loss(self, inputs: Inputs, data_samples: SampleList, **kwargs) -> dict:
        """Computes the losses; every view of a sample has the sample's label.

        Args:
            inputs: Tensor ``(B, views, 3, F, H, W)``, or a dict of such tensors by modality.
            data_samples: One data sample per sample.
        """
        views = count_views(as_batch(inputs))
        return super().loss(inputs, [sample for sample in data_samples for _ in range(views)], **kwargs)

    def predict(self, inputs: Inputs, data_samples: SampleList, **kwargs) -> SampleList:
        """Predicts scores ``(classes, )`` for each sample, or a dict of scores by task."""
        samples = super().predict(inputs, data_samples, **kwargs)
        task = (self.test_cfg or {}).get('task')
        for sample in samples if task else ():
            if task not in sample.pred_score:
                raise InputError(f'model.test_cfg.task={task!r}: the tasks are {list(sample.pred_score)}')
            if 'gt_label' in sample:
                labels = labels_by_task(sample.gt_label, list(sample.pred_score))
                sample.set_gt_label(labels[str(task)].view(1))
            sample.set_pred_label(sample.pred_label[task])
            sample.set_field(sample.pred_score[task], 'pred_score')  # its setter would keep the former length
        return samples

    def extract_feat(self,
                     inputs: Inputs,
                     stage: str = 'neck',
                     data_samples: Optional[SampleList] = None,
                     test_mode: bool = False) -> Tuple[Union[Tensor, Dict[str, Tensor]], dict]:
        """Extracts the features of all views.

        Args:
            inputs: Tensor ``(B, views, 3, F, H, W)``, or a dict of tensors ``(B, views, ...)`` by modality. A
                modality with a single view is combined with all views of the others.
            stage: ``backbone`` or ``neck`` for features, ``head`` for logits.
            data_samples: Unused, as in MMAction2's ``Recognizer3D``.
            test_mode: Whether to obey ``max_testing_views``.

        Returns:
            A dict of features of ``B * views`` clips (or what the head returns), and an empty dict of
            arguments for the head.
        """
        clips = flatten_views(as_batch(inputs))
        total = len(next(iter(clips.values())))
        step = (self.test_cfg or {}).get('max_testing_views') if test_mode else None
        parts = [self.backbone({k: v[i:i + (step or total)] for k, v in clips.items()})
                 for i in range(0, total, step or total)]
        feats = torch.cat(parts) if isinstance(parts[0], Tensor) else {
            expert: torch.cat([part[expert] for part in parts]) for expert in parts[0]}
        return (self.cls_head(feats) if stage == 'head' else feats), {}


def has_head(state: State, prefix: str) -> bool:
    """Returns whether a state dict has any tensor of a head."""
    return any(name.startswith(f'{prefix}cls_head.') for name in state)


def experts_of(backbone: nn.Module) -> Dict[str, Expert]:
    """Returns the experts of a backbone by their path in it, which is '' if the backbone is an expert."""
    return {path: m for path, m in backbone.named_modules() if isinstance(m, Expert)}
