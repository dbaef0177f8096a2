from .card import Publication
from .host import register
from .index import index, shipped
from .load import Loaded, find, load, open_model
from .publish import pull, push

__all__ = ['Loaded', 'Publication', 'find', 'index', 'load', 'open_model', 'pull', 'push', 'shipped']

register()
