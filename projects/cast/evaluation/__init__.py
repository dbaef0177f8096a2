from .accuracy_metric import AccuracyMetric
from .verb_noun_metric import VerbNounMetric

__all__ = ['AccuracyMetric', 'VerbNounMetric']
