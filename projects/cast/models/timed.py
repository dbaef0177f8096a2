"""CA2ST's time encoding: exchanges that know when things are seen and heard."""
from typing import Dict

import torch
from torch import Tensor, nn

from mmaction.registry import MODELS
from mmaction.utils import ConfigType

from ..utils import InputError
from .exchanges import BCAST
from .experts import VideoExpert
from .inputs import MASK, Shapes
from .layers import Grid, Tokens
from .multi_expert_vit import MultiExpertViT

LAYOUTS = ('frequency-major', 'time-major')


class TimeEncoding(nn.Module):
    """An MLP of two times in seconds, between which a token was seen or heard.

    CA2ST (https://arxiv.org/abs/2503.23447) uses it in place of the position tables of the exchanges with
    sound. For a video token, these are the times of the first and the last frame of its tube. The sound is
    cut into as many equal parts as there are tubes in time; each column of the spectrogram belongs to one
    part, and its tokens get the start and the end of this part.

    Args:
        embed_dims: Bottleneck width d of the exchanges.
        split: Whether video and audio have an MLP each. Otherwise they share one.
        audio_layout: Order in which the encodings are laid over the audio tokens. ``frequency-major`` is the
            order of the tokens themselves. The research program lays the encodings out ``time-major``,
            although its tokens are not, so that most tokens get the encoding of another part. Models that
            were trained like this need the same.
    """

    def __init__(self, embed_dims: int, split: bool = True, audio_layout: str = LAYOUTS[0]) -> None:
        super().__init__()
        if audio_layout not in LAYOUTS:
            raise InputError(f'audio_layout={audio_layout!r} is not known; choose one of {LAYOUTS}')
        self.audio_layout, d = audio_layout, embed_dims
        self.mlp = nn.ModuleDict({
            name: nn.Sequential(nn.Linear(2, d), nn.ReLU(), nn.Linear(d, d), nn.ReLU(), nn.Linear(d, d),
                                nn.ReLU(), nn.LayerNorm(d))
            for name in (('video', 'audio') if split else ('video', ))})

    def encode(self, name: str, pieces: Tensor) -> Tensor:
        """Maps pairs of times ``(B, T, 2)`` to encodings ``(B, T, d)``.

        Args:
            name: ``video`` or ``audio``. If they share an MLP, it makes no difference.
            pieces: The pairs, in seconds.
        """
        mlp = self.mlp[name if name in self.mlp else 'video']
        weights = {key: p.float() for key, p in mlp.named_parameters()}
        with torch.autocast(pieces.device.type, enabled=False):  # bfloat16 is too coarse for seconds
            return torch.func.functional_call(mlp, weights, pieces.float())

    def video(self, times: Tensor, grid: Grid) -> Tensor:
        """Returns the encodings of the video tokens, one per position in time.

        Args:
            times: Start and end of the sound, then the time of each frame, ``(B, 2 + F)``, in seconds.
            grid: Grid ``(T, H, W)`` of the tokens.

        Returns:
            Encodings ``(B, T, 1, d)``.
        """
        frames = times[:, 2:].unflatten(1, (grid[0], -1))
        return self.encode('video', frames[..., [0, -1]])[:, :, None]

    def audio(self, times: Tensor, grid: Grid, parts: int) -> Tensor:
        """Returns the encodings of the patches of a spectrogram.

        Each part owns ``columns // parts + 1`` columns, as in the research program; the last get the rest.

        Args:
            times: As for :meth:`video`.
            grid: Grid ``(1, frequencies, times)`` of the tokens.
            parts: Number of equal parts that the time from start to end is cut into.

        Returns:
            Encodings ``(B, 1, S, d)``.
        """
        _, height, width = grid
        start, end = times[:, :1].float(), times[:, 1:2].float()
        bounds = start + (end - start) * torch.arange(parts + 1, device=times.device) / parts
        encoded = self.encode('audio', torch.stack([bounds[:, :-1], bounds[:, 1:]], -1))
        part = torch.arange(width, device=times.device) // (width // parts + 1)  # of each column
        right = self.audio_layout == LAYOUTS[0]
        return encoded[:, None, part.repeat(height) if right else part.repeat_interleave(height)]


@MODELS.register_module()
class TimedBCAST(BCAST):
    """:class:`BCAST` with the time encoding in place of position tables.

    Its backbone must be a :class:`TimedExpertViT`, which computes the encodings.

    Args:
        embed_dims, grids: See :class:`BCAST`.
        kwargs: See :class:`BCAST`. ``positions`` is False by default; otherwise there are tables as well.
    """

    def __init__(self, embed_dims: Dict[str, int], grids: Dict[str, Grid], **kwargs) -> None:
        super().__init__(embed_dims, grids, **{'positions': False, **kwargs})

    def side_inputs(self, shapes: Shapes) -> Shapes:
        """Returns the shape of ``times``: start and end of the sound, and the time of each frame."""
        if 'video' not in shapes:
            raise InputError('TimedBCAST needs an expert that reads video; the experts read '
                             f'{sorted(shapes)}')
        return {'times': (2 + shapes['video'][1], )}

    def bottleneck(self, x: Dict[str, Tokens], inputs: Dict[str, Tensor]) -> Dict[str, Tokens]:
        """Returns ``LN(W_down x)`` of both experts, plus the time encoding for the patches."""
        z = super().bottleneck(x, inputs)
        if any(f'times_of_{name}' not in inputs for name in z):
            raise InputError("TimedBCAST needs a backbone of type='TimedExpertViT', which encodes the times")
        return {name: tokens.replace(torch.cat(
            [tokens.prefix, tokens.patches + inputs[f'times_of_{name}'].to(tokens.data)], 2))
            for name, tokens in z.items()}


@MODELS.register_module()
class TimedExpertViT(MultiExpertViT):
    """:class:`MultiExpertViT` with a :class:`TimeEncoding` that all its :class:`TimedBCAST` read.

    It is computed once per batch. Experts that are no :class:`VideoExpert` count as audio.

    Args:
        time_encoding: Arguments of :class:`TimeEncoding` other than ``embed_dims``.
        kwargs: See :class:`MultiExpertViT`.
    """

    def __init__(self, time_encoding: ConfigType = {}, **kwargs) -> None:
        super().__init__(**kwargs)
        widths = {e.bottleneck_dims for e in self.exchanges.modules() if isinstance(e, TimedBCAST)}
        if len(widths) != 1:
            raise InputError('TimedExpertViT needs exchanges of type TimedBCAST with one bottleneck_dims, '
                             f"got {sorted(widths)}; without such exchanges, choose type='MultiExpertViT'")
        self.time_encoding = TimeEncoding(widths.pop(), **time_encoding)

    def with_side_inputs(self, batch: Dict[str, Tensor]) -> Dict[str, Tensor]:
        """Adds the encodings of each expert's patches under ``times_of_<expert>``.

        Raises:
            InputError: If ``times`` is missing, or not ``(B, 2 + F)``.
        """
        shapes = {e.modality: e.pick(batch).shape for e in self.experts.values()}
        grids = {name: e.grid_of(shapes[e.modality][2:]) for name, e in self.experts.items()}
        wanted = shapes['video'][0], 2 + shapes['video'][2]
        if 'times' not in batch and 'times' + MASK in batch:  # no sample has them
            batch = {**batch, 'times': torch.zeros(wanted, device=batch['times' + MASK].device)}
        batch = super().with_side_inputs(batch)
        times = batch['times']
        if times.shape != wanted:
            raise InputError(f'times must be (B, 2 + F) = {wanted}, start and end of the sound and the time '
                             f'of each frame, got {tuple(times.shape)}')
        parts = max(grid[0] for grid in grids.values())
        encode = self.time_encoding
        encoded = {f'times_of_{name}': encode.video(times, grids[name]) if isinstance(e, VideoExpert) else
                   encode.audio(times, grids[name], parts) for name, e in self.experts.items()}
        return {**batch, **encoded}
