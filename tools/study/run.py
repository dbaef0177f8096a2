"""One run of the study: trains a row with one seed, and tests it."""
import json
import time
from pathlib import Path
from typing import Any, Dict

from mmengine import Config

from mmaction.registry import RUNNERS

from .decoded import decode
from .jobs import write_json

SPLITS = dict(train='train', val='tuning', test='test')


def prepare(config: Config, root: Path) -> Config:
    """Returns the config with the clips of a level, which are decoded once."""
    for loader, split in SPLITS.items():
        dataset = config[f'{loader}_dataloader'].dataset
        dataset.ann_file = str(root / f'EPIC_100_{split}.csv')
        dataset.data_prefix = dict(video=str(root))
        file = root / f'decoded_{split}.npy'
        decode(dataset, file)
        dataset.pipeline = [dict(type='ReadDecoded', file=str(file)), dataset.pipeline[-1]]
    config.custom_imports.imports.append('study.decoded')
    return config


def train(config: Config, work_dir: Path, seed: int, lr: float, tuning: bool = False) -> Dict[str, Any]:
    """Trains and tests a model, unless this is done; a run that was stopped goes on at its last checkpoint.

    Args:
        config: What :func:`prepare` returned.
        work_dir: Where predictions.pkl, result.json, checkpoints and logs go.
        seed: Seed of the weights that are learned, and of the order of the clips.
        lr: Learning rate.
        tuning: Whether the model is tested on the clips for tuning rather than on the validation sets.

    Returns:
        The accuracies, the number of learnable parameters, and the seconds that training took, unless it was
        stopped in between.
    """
    file = work_dir / 'result.json'
    if file.exists():
        return json.loads(file.read_text())
    config.update(
        work_dir=str(work_dir), experiment_name=work_dir.name, randomness=dict(seed=seed), resume=True)
    config.optim_wrapper.optimizer.lr = lr
    if tuning:
        config.test_dataloader.dataset = config.val_dataloader.dataset
    config.test_evaluator = [
        config.test_evaluator, dict(type='DumpResults', out_file_path=str(work_dir / 'predictions.pkl'))]
    config.update(val_dataloader=None, val_cfg=None, val_evaluator=None)
    resumed = (work_dir / 'last_checkpoint').exists()
    runner, start = RUNNERS.get(config.runner_type).from_cfg(config), time.perf_counter()
    learnable = sum(p.numel() for p in runner.model.parameters() if p.requires_grad)
    runner.train()
    seconds = None if resumed else time.perf_counter() - start
    result = dict(learnable=learnable, seconds=seconds, lr=lr, seed=seed, **runner.test())
    write_json(file, result)
    return result
