"""What all exchanges share: two experts, of which one or both receive."""
from typing import Any, Collection, Dict, Mapping, Optional, Tuple

from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn

from ...utils import InputError
from ..layers import Grid, Tokens

Shapes = Dict[str, Tuple[int, ...]]


class Exchange(nn.Module):
    """Base of the exchanges between two experts.

    An exchange reads the streams of its two experts and says what is added to those that receive.

    Args:
        embed_dims: the width of each of the two experts, by name.
        receivers: one or both of the experts.
        drop_path_rate: drop path of the result, eq. 4.

    Raises:
        InputError: if the receivers are not among the experts.
    """

    projections: Tuple[str, ...] = ()  # ModuleDicts by expert that two exchanges of a block can share

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
        """What each receiver adds to its stream.

        Args:
            x: the streams of (at least) the two experts.
            inputs: the batch, for exchanges that read side inputs such as time stamps.
            unread: experts whose patches nothing reads afterwards; they receive for their class tokens only.

        Returns:
            receiver to ``(B, T, P + S, D)``, or ``(B, T, P, D)`` where its patches are unread.
        """
        raise NotImplementedError

    def side_inputs(self, shapes: Shapes) -> Shapes:
        """Shapes of the side inputs that the exchange reads, by key of the batch.

        Args:
            shapes: modality to the shape of its input; the batch axis is left out in both.
        """
        return {}

    def share(self, other: 'Exchange', expert: str) -> None:
        """Takes over another exchange's :attr:`projections` of an expert, which both use from now on.

        Raises:
            InputError: if their shapes differ.
        """
        for name in self.projections:
            own, theirs = getattr(self, name), getattr(other, name, {})
            if expert in own and expert in theirs:
                if own[expert].weight.shape != theirs[expert].weight.shape:
                    raise InputError(
                        f'the exchanges cannot share the projections of {expert!r}, as their shapes are '
                        f'{tuple(own[expert].weight.shape)} and {tuple(theirs[expert].weight.shape)}; give '
                        'both the same bottleneck_dims')
                own[expert] = theirs[expert]

    def set_grids(self, grids: Dict[str, Grid]) -> None:
        """Resizes position tables, where there are any, to other native grids of the experts."""
        for r, cross in getattr(self, 'attn', {}).items():
            cross.set_grids(grids[r], grids[self.other[r]])


def by_receiver(receivers: Optional[Mapping[str, str]],
                windows: Optional[Mapping[str, Any]]) -> Dict[str, str]:
    """Receiver to window, sorted by name.

    Args:
        receivers: as configs give it.
        windows: the same under its name in the first release. A config written then may inherit ``receivers``
            from a base config of today; what it says itself holds.

    Raises:
        InputError: if a window is missing.
    """
    for given in (receivers, windows):
        if not isinstance(given, (Mapping, type(None))):
            raise InputError(f'receivers={given} must be a dict of receiver to window, such as '
                             "dict(spatial='time', temporal='space')")
    changed = dict(windows or {})
    kept = {} if changed.pop('_delete_', False) else dict(receivers or {})
    return dict(sorted({**kept, **changed}.items()))
