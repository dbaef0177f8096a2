"""MMEngine's runner with a checked config and a concise start."""
import logging
import platform

import mmengine
import torch
from mmengine.logging import MMLogger
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop, Runner

from mmaction.registry import RUNNERS

from ..compat import find_last_checkpoint
from ..models.experts import PretrainedTower
from .config_check import check_config, check_data


@RUNNERS.register_module()
class CASTRunner(Runner):
    """``Runner`` that checks its config first, and starts with one line where mmengine logs hundreds.

    Enabled by ``runner_type='CASTRunner'``. The resolved config is saved in the work directory.

    Args:
        kwargs: See mmengine's ``Runner``.

    Raises:
        InputError: If a key of the config is not read, its numbers of classes differ, or data is missing.
    """

    @classmethod
    def from_cfg(cls, cfg):
        """Checks the config, and then builds the runner."""
        check_config(cfg)
        check_data(cfg)
        return super().from_cfg(cfg)

    def build_logger(self, *args, **kwargs) -> MMLogger:
        """Builds a logger without mmengine's notices about its own classes."""
        logger = super().build_logger(*args, **kwargs)
        logger.addFilter(is_news)
        return logger

    def _log_env(self, env_cfg: dict) -> None:
        device = torch.cuda.get_device_name() if torch.cuda.is_available() else 'CPU'
        self.logger.info(
            f'Python {platform.python_version()}, torch {torch.__version__}, mmengine {mmengine.__version__} '
            f'on {device}, processes: {self.world_size}, seed: {self.seed}; the config is in {self.work_dir}')

    def get_hooks_info(self) -> str:
        """Returns the hooks in the order of their priority, in one line."""
        return ', '.join(type(hook).__name__ for hook in self.hooks)

    def _init_model_weights(self) -> None:
        """Initialises the model. If a checkpoint follows, experts are not loaded from their files yet."""
        model = self.model.module if is_model_wrapper(self.model) else self.model
        loads = self._load_from or self._resume and find_last_checkpoint(self.work_dir)
        for expert in (m for m in model.modules() if isinstance(m, PretrainedTower)):
            expert.from_file = not loads
        super()._init_model_weights()

    def load_or_resume(self) -> None:
        """Loads a checkpoint, and says so if its run is already finished."""
        super().load_or_resume()
        loop = self._train_loop
        if isinstance(loop, BaseLoop) and self._resume and loop.iter >= loop.max_iters:
            self.logger.info(f'This run is finished: {loop.iter} of {loop.max_iters} iterations are done. '
                             'To go on, raise train_cfg.max_epochs and the end of param_scheduler')


def is_news(record: logging.LogRecord) -> bool:
    """Returns whether a log record is for the user, unlike mmengine's notes on its own file clients."""
    own = ('"FileClient" will be deprecated', '"HardDiskBackend" is the alias')
    return not record.getMessage().startswith(own)
