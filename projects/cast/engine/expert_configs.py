"""The experts of a config."""
from typing import Dict

from mmengine import ConfigDict


def expert_configs(model: ConfigDict) -> Dict[str, ConfigDict]:
    """Returns the configs of a model's experts by name.

    A backbone that is an expert itself has its own name, or '' if the config gives it none.

    Args:
        model: The ``model`` of a config.
    """
    backbone = model.backbone
    return backbone.get('experts', {backbone.get('name', ''): backbone})
