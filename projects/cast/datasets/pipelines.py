"""The pipelines of a config, by which models read videos outside of a training or test run."""
from typing import List

from mmengine import Config

from ..utils import InputError


def pipeline_of(config: Config, views: str = 'test') -> List[dict]:
    """Returns the pipeline of a config's data set.

    Args:
        config: A config.
        views: Of which data set: ``test``, mostly with several views, or ``val`` with one.

    Raises:
        InputError: If the config has no such data set.
    """
    loader = config.get(f'{views}_dataloader') or {}
    pipeline = loader.get('dataset', {}).get('pipeline')
    if not pipeline:
        raise InputError(f'{config.filename}: has no {views}_dataloader, whose pipeline reads the videos; '
                         'define it in a config that inherits from it')
    return pipeline
