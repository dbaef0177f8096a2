"""Loading the weights of an expert's tower."""
import logging
from typing import Any, Dict, Optional

from mmengine.logging import print_log
from mmengine.model import BaseModule

from ...checkpoints import State, mismatch, read_expert
from ...utils import InputError, MissingFileError
from ..layers import PositionTable


class PretrainedTower(BaseModule):
    """A module around the ``tower`` of a library, whose weights come from the file ``checkpoint``."""

    tower: Any  # only the subclass knows its parts
    checkpoint: Optional[str]
    frozen: bool
    from_file = True  # whether `init_weights` reads `checkpoint`; False if the whole model is loaded later

    def init_weights(self) -> None:
        """Initialises the tower, and finally loads ``checkpoint`` strictly."""
        super().init_weights()
        if self.from_file:
            self.load_checkpoint()

    def load_checkpoint(self) -> None:
        """Loads ``checkpoint``, if given, strictly. Positions of another size are interpolated.

        Raises:
            InputError: If tensors are missing, unexpected or of the wrong shape. The message names the file.
        """
        if not self.checkpoint:
            if self.frozen:
                print_log(f'{type(self).__name__} is frozen, but has no checkpoint: its tower stays random. '
                          'Name a file, or set frozen=False', logger='current', level=logging.WARNING)
            return
        try:
            state = self.read_checkpoint(self.checkpoint)
        except FileNotFoundError as error:
            raise MissingFileError(
                f'{self.checkpoint}: no such expert checkpoint. configs/cast/_base_/models/weights.py says '
                'where to get it; set the path in the config, or None for random weights') from error
        self.fit_positions(state)
        problem = mismatch(self.tower.state_dict(), state)
        if problem:
            raise InputError(f'{self.checkpoint} does not fit {type(self.tower).__name__}: {problem}; choose '
                             'the file or the expert config that belongs to the other')
        self.tower.load_state_dict(state)

    def read_checkpoint(self, path: str) -> State:
        """Reads the weights in a file, by the tower's parameter names."""
        return read_expert(path)

    def fit_positions(self, state: State) -> None:
        """Resizes learned position tables of square images to the native grid, in place."""
        for name, table in self.position_tables().items():
            given, own = state.get(name), table.weight
            if given is None or given.shape == own.shape or given.shape[-1] != own.shape[-1]:
                continue
            places = given.shape[-2] - table.num_prefix
            side = round(places**0.5)
            if side * side == places and table.spans == (1, 2):
                state[name] = table.fit(given, (1, side, side), table.grid)
                print_log(f'{self.checkpoint}: {name} interpolated from {side}x{side} to '
                          f'{table.grid[1]}x{table.grid[2]}', logger='current')

    def position_tables(self) -> Dict[str, PositionTable]:
        """Returns the tower's position tables, by their names in its state dict."""
        tables = (m for m in self.modules() if isinstance(m, PositionTable))
        return {table.name: table for table in tables if table.owner[0] is self.tower}
