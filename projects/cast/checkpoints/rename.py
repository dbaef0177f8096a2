"""Renames tensors by ordered tables."""
import re
from collections import OrderedDict
from typing import List, Optional, Tuple

from ..utils import InputError
from .state_dict import State, first_few

Table = List[Tuple[str, Optional[str]]]


def rename(state: State, table: Table, reverse: bool = False) -> State:
    """Renames every key by the first row of the table whose prefix it has.

    Args:
        state: Tensors by name.
        table: Rows ``(old, new)`` of name prefixes, in which ``{i}`` stands for a number. Tensors whose new
            name is None are left out.
        reverse: Whether to read the rows from right to left.

    Raises:
        InputError: If a key matches no row. The message names such keys.
    """
    rows = [(new, old) if reverse else (old, new) for old, new in table]
    patterns = [(re.compile(re.escape(old).replace(r'\{i\}', r'(\d+)')), new) for old, new in rows if old]
    renamed, unknown = OrderedDict(), []
    for key, value in state.items():
        for pattern, new in patterns:
            match = pattern.match(key)
            if match:
                if new is None:
                    break
                renamed[new.format(i=(match.groups() or ('', ))[0]) + key[match.end():]] = value
                break
        else:
            unknown.append(key)
    if unknown:
        raise InputError(f'{len(unknown)} of {len(state)} keys are unknown: {first_few(unknown)}; is '
                         'this a checkpoint of the kind that the command expects?')
    return renamed


def below(state: State, prefix: str, drop: Tuple[str, ...] = ()) -> State:
    """Returns the entries below ``prefix``, without the prefix and without those that start with ``drop``."""
    found = {k[len(prefix):]: v for k, v in state.items() if k.startswith(prefix)}
    return OrderedDict((k, v) for k, v in found.items() if not (drop and k.startswith(drop)))
