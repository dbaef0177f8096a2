"""A visitor's request to the web page, which can be stopped while it is computed."""
import threading
from typing import Any

from projects.cast.serving import Stopped

PATIENCE = 30.  # seconds that a step of a model may take


class Run:
    """A request.

    Args:
        progress: Shows the visitor how far it is.

    Attributes:
        stop: Set once its results are not wanted any more.
        ended: Set once nothing is computed for it any more.
    """

    def __init__(self, progress: Any) -> None:
        self.progress, self.stop, self.ended = progress, threading.Event(), threading.Event()

    def tell(self, *what: Any, **more: Any) -> None:
        """Shows what comes next.

        Raises:
            Stopped: If it should not come.
        """
        if self.stop.is_set():
            raise Stopped
        self.progress(*what, **more)

    def end(self) -> None:
        """Stops it, and waits until it has ended."""
        self.stop.set()
        self.ended.wait(PATIENCE)
