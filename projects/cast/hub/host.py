"""Makes the names known to MMEngine and MMAction2: to their inferencers, and as checkpoints."""
import os
from typing import Iterator

from mmengine.infer import BaseInferencer
from mmengine.runner.checkpoint import CheckpointLoader

from mmaction.apis.inferencers import ActionRecogInferencer
from mmaction.structures import ActionDataSample

from ..compat import load_local_checkpoint
from ..utils import InputError
from .index import UNPUBLISHED, how_to_get, index
from .remote import PREFIX, WEIGHTS_FILE, download

of_metafiles = BaseInferencer._get_models_from_metafile
of_one_task = ActionRecogInferencer.pred2dict


def models_from_metafile(folder: str) -> Iterator[dict]:
    """Yields the entries of our index and then the host's, where mmengine looks up names of MMAction2."""
    if folder == BaseInferencer._get_repo_or_mim_dir('mmaction'):
        yield from index().values()
    yield from of_metafiles(folder)


def pred2dict(self: ActionRecogInferencer, data_sample: ActionDataSample) -> dict:
    """Returns labels and scores as MMAction2 does, or dicts of them for several tasks, which it lacks."""
    if not isinstance(data_sample.pred_score, dict):
        return of_one_task(self, data_sample)
    return dict(pred_labels={task: [int(label)] for task, label in data_sample.pred_label.items()},
                pred_scores={task: score.tolist() for task, score in data_sample.pred_score.items()})


def load_published(address: str, map_location=None) -> dict:
    """Loads the weights of ``hf:USER/REPOSITORY``, wherever a checkpoint can be given."""
    return load_local_checkpoint(os.path.join(download(address), WEIGHTS_FILE), map_location)


def load_unpublished(address: str, map_location=None) -> dict:
    """Says how to get weights that are not published.

    Raises:
        InputError: Always.
    """
    raise InputError(how_to_get(address.removeprefix(UNPUBLISHED)))


def register() -> None:
    """Registers the above."""
    BaseInferencer._get_models_from_metafile = staticmethod(models_from_metafile)
    ActionRecogInferencer.pred2dict = pred2dict
    CheckpointLoader.register_scheme(prefixes=PREFIX, loader=load_published, force=True)
    CheckpointLoader.register_scheme(prefixes=UNPUBLISHED, loader=load_unpublished, force=True)
