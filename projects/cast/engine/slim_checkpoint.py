"""Checkpoints without the frozen experts: a fifth of the size."""
from typing import Any, Dict

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from mmaction.registry import HOOKS


def slim(model: Any, checkpoint: dict, experts: Dict[str, str]) -> dict:
    """A checkpoint's state dict less what is frozen, with fingerprints of the experts left out.

    Args:
        model: the recognizer that the checkpoint is of.
        checkpoint: with ``state_dict``, and ``meta`` where there is one.
        experts: their fingerprints.

    Returns:
        the checkpoint with a smaller ``state_dict``, and ``experts`` in ``meta``: name to fingerprint.
    """
    gone = {prefix + key for prefix, state in model.frozen_experts().items() for key in state}
    state = {k: v for k, v in checkpoint['state_dict'].items() if k not in gone}
    meta = {**checkpoint.get('meta', {}), 'experts': experts}
    return {**checkpoint, 'meta': meta, 'state_dict': state}


@HOOKS.register_module()
class SlimCheckpointHook(Hook):
    """Leaves the frozen experts out of every checkpoint of a run.

    Use: ``custom_hooks = [dict(type='SlimCheckpointHook')]``. Loading, resuming and testing then take the
    experts from their own files, which the config names, and refuse other ones.
    """

    def before_train(self, runner) -> None:
        """Takes the fingerprints: what is frozen keeps them."""
        self.model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        self.experts = self.model.fingerprints()

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Makes the checkpoint slim in place."""
        checkpoint.update(slim(self.model, checkpoint, self.experts))
