"""Base class of the exchanges, each of which connects two experts."""
from typing import Any, Collection, Dict, Mapping, Optional, Sequence, Tuple

from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn

from ...utils import InputError
from ..inputs import Shapes
from ..layers import Grid, Tokens


class Exchange(nn.Module):
    """Base class of the exchanges between two experts.

    An exchange reads the streams of its two experts and computes what is added to those that receive.

    Args:
        embed_dims: Width of each of the two experts, by name.
        receivers: Names of one or both of the experts.
        drop_path_rate: Drop path rate of the result, eq. 4.

    Raises:
        InputError: If a receiver is not one of the experts, or if there is none.
    """

    reads: Sequence[str] = ()  # keys of the batch that it depends on, set by the backbone
    projections: Tuple[str, ...] = ()  # ModuleDicts by expert that exchanges of a block can share

    def __init__(self, embed_dims: Dict[str, int], receivers: Collection[str], drop_path_rate: float) -> None:
        super().__init__()
        first, second = embed_dims
        if not receivers or set(receivers) - {first, second}:
            raise InputError(f'the receivers of an exchange are named {sorted(receivers)}; choose one or '
                             f'both of {sorted(embed_dims)}')
        self.other = {first: second, second: first}
        self.receivers = tuple(sorted(receivers))
        self.drop_path = DropPath(drop_path_rate)

    def forward(self, x: Dict[str, Tokens], inputs: Dict[str, Tensor] = {},
                unread: Collection[str] = ()) -> Dict[str, Tensor]:
        """Computes what each receiver adds to its stream.

        Args:
            x: Streams of (at least) the two experts.
            inputs: The batch, for exchanges that read side inputs such as time stamps.
            unread: Experts whose patches are not read afterwards. Only their class tokens receive an update.

        Returns:
            For each receiver, ``(B, T, P + S, D)``, or ``(B, T, P, D)`` if its patches are unread.
        """
        raise NotImplementedError

    def side_inputs(self, shapes: Shapes) -> Shapes:
        """Returns the shapes of the side inputs that the exchange reads, by key of the batch.

        Args:
            shapes: Shape of the input of each modality. All shapes here leave out the batch axis.
        """
        return {}

    def share(self, other: 'Exchange', expert: str) -> bool:
        """Uses the :attr:`projections` of another exchange for an expert, so that both share them.

        Returns:
            Whether there are any.

        Raises:
            InputError: If their shapes differ.
        """
        shared = False
        for name in self.projections:
            own, theirs = getattr(self, name), getattr(other, name, {})
            if expert in own and expert in theirs:
                if own[expert].weight.shape != theirs[expert].weight.shape:
                    raise InputError(
                        f'the exchanges cannot share the projections of {expert!r}, as their shapes are '
                        f'{tuple(own[expert].weight.shape)} and {tuple(theirs[expert].weight.shape)}; give '
                        'both the same bottleneck_dims')
                own[expert], shared = theirs[expert], True
        return shared

    def check_grids(self, grids: Dict[str, Grid]) -> None:
        """Raises an InputError if the exchange cannot pair the grids of its experts."""
        for r, cross in getattr(self, 'attn', {}).items():
            cross.check(grids[r], grids[self.other[r]])

    def set_grids(self, grids: Dict[str, Grid]) -> None:
        """Resizes the position tables, if there are any, to new native grids of the experts."""
        for r, cross in getattr(self, 'attn', {}).items():
            cross.set_grids(grids[r], grids[self.other[r]])


def by_receiver(receivers: Optional[Mapping[str, str]],
                windows: Optional[Mapping[str, Any]]) -> Dict[str, str]:
    """Returns a dict of the window of each receiver, sorted by name.

    Args:
        receivers: The dict as configs give it.
        windows: The same dict under its name in the first release. A config written for that release may
            inherit ``receivers`` from a current base config; the entries of ``windows`` then take precedence.

    Raises:
        InputError: If either of them is not a dict.
    """
    for given in (receivers, windows):
        if not isinstance(given, (Mapping, type(None))):
            raise InputError(f'receivers={given} must be a dict of receiver to window, such as '
                             "dict(spatial='time', temporal='space')")
    changed = dict(windows or {})
    kept = {} if changed.pop('_delete_', False) else dict(receivers or {})
    return dict(sorted({**kept, **changed}.items()))
