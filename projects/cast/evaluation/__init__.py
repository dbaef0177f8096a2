from .verb_noun_metric import VerbNounMetric

__all__ = ['VerbNounMetric']
