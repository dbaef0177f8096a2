from .accuracy_metric import AccuracyMetric
from .sound_event_metric import SoundEventMetric
from .verb_noun_metric import VerbNounMetric

__all__ = ['AccuracyMetric', 'SoundEventMetric', 'VerbNounMetric']
