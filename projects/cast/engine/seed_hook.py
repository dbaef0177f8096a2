"""The random state of each epoch follows from the seed and the epoch."""
from mmengine.dist import get_rank
from mmengine.hooks import DistSamplerSeedHook

from mmaction.registry import HOOKS

from ..seeding import seed_all


@HOOKS.register_module()
class EpochSeedHook(DistSamplerSeedHook):
    """Seeds drop path, mixup and the sampler at the start of each epoch, so that resuming changes nothing."""

    def before_train(self, runner) -> None:
        """A resumed run takes over the seed of its checkpoint; the sampler does not know yet."""
        runner.train_dataloader.sampler.seed = runner.seed

    def before_train_epoch(self, runner) -> None:
        """Seeds the epoch, differently on each process."""
        super().before_train_epoch(runner)
        seed_all(runner.seed, runner.epoch, get_rank())
