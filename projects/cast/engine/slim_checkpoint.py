"""Checkpoints without the frozen experts, which have a fifth of the size."""
from typing import Any, Dict

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from mmaction.registry import HOOKS


def slim(model: Any, checkpoint: dict, experts: Dict[str, str]) -> dict:
    """Removes the frozen tensors from a checkpoint, and adds fingerprints of the experts.

    Args:
        model: The recognizer that the checkpoint belongs to.
        checkpoint: A dict with ``state_dict`` and optionally ``meta``.
        experts: Fingerprint of each expert.

    Returns:
        The checkpoint with a smaller ``state_dict``, and with the fingerprints as ``experts`` in ``meta``.
    """
    gone = {prefix + key for prefix, state in model.frozen_experts().items() for key in state}
    state = {k: v for k, v in checkpoint['state_dict'].items() if k not in gone}
    meta = {**checkpoint.get('meta', {}), 'experts': experts}
    return {**checkpoint, 'meta': meta, 'state_dict': state}


@HOOKS.register_module()
class SlimCheckpointHook(Hook):
    """Leaves the frozen experts out of every checkpoint of a run.

    Use: ``custom_hooks = [dict(type='SlimCheckpointHook')]``. Loading, resuming and testing then take the
    experts from their own files, which the config names, and reject other experts.
    """

    def before_train(self, runner) -> None:
        """Computes the fingerprints, which do not change because the tensors are frozen."""
        self.model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        self.experts = self.model.fingerprints()

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Makes the checkpoint slim in place."""
        checkpoint.update(slim(self.model, checkpoint, self.experts))
