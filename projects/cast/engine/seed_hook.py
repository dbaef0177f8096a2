"""Derives the random state of each epoch from the seed and the epoch."""
from mmengine.dist import get_rank
from mmengine.hooks import DistSamplerSeedHook
from mmengine.runner import EpochBasedTrainLoop

from mmaction.registry import HOOKS

from ..datasets.seeding import EPOCH, seed_all


@HOOKS.register_module()
class EpochSeedHook(DistSamplerSeedHook):
    """Seeds drop path, mixup and the sampler at the start of each epoch, so that resuming changes nothing."""

    def before_train(self, runner) -> None:
        """Takes over the seed of the checkpoint in a resumed run; the sampler does not know it yet."""
        runner.train_dataloader.sampler.seed = runner.seed

    def before_train_epoch(self, runner) -> None:
        """Seeds the epoch, with a different seed for each process."""
        super().before_train_epoch(runner)
        seed_all(EPOCH, runner.seed, runner.epoch, get_rank())
        if isinstance(runner.train_loop, EpochBasedTrainLoop):
            # accumulation restarts, so that no gradient is carried over the end of an epoch, where
            # checkpoints are saved; the last update of an epoch averages over the remaining steps
            runner.optim_wrapper.initialize_count_status(runner.model, 0, len(runner.train_dataloader))
