"""Tells from the names of its tensors which system a checkpoint belongs to."""
from typing import Tuple

from .release import RELEASE
from .release_audio import CA2ST_ONE_LABEL, CA2ST_VERB_NOUN, CAVA
from .release_xvit import XVIT
from .rename import Table
from .state_dict import State


def recognise(state: State) -> Tuple[str, Table]:
    """Returns the system's name and its table of names.

    Args:
        state: Tensors by the names of its authors, or by ours.
    """
    def has(*prefixes: str) -> bool:
        return any(key.startswith(prefixes) for key in state)

    if has('base_model.', 'backbone.tower.temp_embed'):
        return 'X-ViT', XVIT
    if not has('ast_', 'backbone.experts.audio.'):
        return 'CAST', RELEASE
    if not has('patch_embed.', 'backbone.experts.temporal.'):
        return 'CAVA', CAVA
    tasks = has('head_verb.', 'audio_noun_last_Adapter.', 'cls_head.fc_cls.verb.', 'cls_head.adapters.verb.')
    return 'CA2ST', CA2ST_VERB_NOUN if tasks else CA2ST_ONE_LABEL
