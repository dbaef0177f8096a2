from .card import Publication
from .host import register
from .index import index, shipped
from .load import Loaded, find, load, open_model, open_with_meta
from .publish import pull, push

__all__ = [
    'Loaded', 'Publication', 'find', 'index', 'load', 'open_model', 'open_with_meta', 'pull', 'push',
    'shipped'
]

register()
