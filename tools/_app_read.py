"""The one place where the web page opens uploaded files: in processes with limits."""
import threading
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

from _app_model import ServedModel

from projects.cast.serving import Guard, Limits
from projects.cast.utils import MissingFileError


class Reading(NamedTuple):
    """What a model reads of a video.

    Attributes:
        clip: The whole video, by the test pipeline.
        windows: Start, stop and sample of each window of the timeline, by the validation pipeline.
    """

    clip: Dict[str, Any]
    windows: List[Tuple[float, float, dict]]


class Reader:
    """Decodes videos for some models.

    Args:
        models: The models, whose pipelines are used.
        limits: What the decoding of a video may cost.
    """

    def __init__(self, models: Sequence[ServedModel], limits: Limits) -> None:
        self.models, self.limits = models, limits
        self.guards = [Guard(model.config, limits) for model in models]

    def __call__(self, video: str, preview: Path, stop: threading.Event) -> List[Reading]:
        """Reads a video for each model, and writes a copy that browsers play.

        Writing the copy comes first, as it finds out how long a video is that does not announce it, such as
        the recording of a webcam.

        Raises:
            InputError: If the video is gone, exceeds a limit, or cannot be decoded.
            Stopped: If ``stop`` is set.
        """
        if not Path(video).is_file():
            raise MissingFileError('the file is no longer on the server; upload it again')
        self.guards[0].preview(video, str(preview), stop)
        return [Reading(guard.clip(video, stop=stop),
                        list(guard.windows(video, model.window, model.stride, stop)))
                for guard, model in zip(self.guards, self.models)]

    def close(self) -> None:
        """Ends the processes."""
        for guard in self.guards:
            guard.end()
