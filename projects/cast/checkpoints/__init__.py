from .experts import VIDEOMAE, read_expert
from .reader import read_checkpoint, unwrap
from .recognise import recognise
from .release import RELEASE
from .rename import Table, below, rename
from .state_dict import State, digest, first_few, mismatch, part_of

__all__ = ['RELEASE', 'State', 'Table', 'VIDEOMAE', 'below', 'digest', 'first_few', 'mismatch', 'part_of',
           'read_checkpoint', 'read_expert', 'recognise', 'rename', 'unwrap']
