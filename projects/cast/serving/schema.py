"""What the server answers."""
from typing import Dict, List

from pydantic import BaseModel


class Prediction(BaseModel):
    """A class and its probability."""

    label: str
    probability: float


Predictions = Dict[str, List[Prediction]]


class Answer(BaseModel):
    """The best classes by task: verb, noun and action, or one of them."""

    predictions: Predictions


class Window(Answer):
    """The best classes of a part of the video, in seconds."""

    start: float
    stop: float


class Timeline(BaseModel):
    """All windows, in order."""

    windows: List[Window]


class Error(BaseModel):
    """Why there is no answer."""

    kind: str
    message: str


class ErrorAnswer(BaseModel):
    """An error."""

    error: Error


class Health(BaseModel):
    """Whether the server runs, and whether it can answer."""

    live: bool
    ready: bool
