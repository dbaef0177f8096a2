"""The configs by name, in a checkout and in an installed package."""
import functools
from pathlib import Path
from typing import Any, Dict

import yaml

UNPUBLISHED = 'unpublished:'  # stands before a name where an address of weights would be


def shipped() -> Path:
    """Returns the folder that contains ``configs``, ``tools`` and ``model-index.yml``.

    A built package contains them below ``.mim``, as those of OpenMMLab do.
    """
    package = Path(__file__).resolve().parents[1]
    return package / '.mim' if (package / '.mim').is_dir() else package.parents[1]


@functools.lru_cache(None)
def index() -> Dict[str, Dict[str, Any]]:
    """Returns an entry for each config, by its name, which is that of its file.

    An entry has ``Name``, ``Config``, the path, and ``Weights``: a file, an address or
    ``hf:USER/REPOSITORY``; if the metafiles have none, ``unpublished:NAME``. The other keys are those of the
    metafiles.
    """
    root = shipped()
    described: Dict[str, dict] = {}
    for path in yaml.safe_load((root / 'model-index.yml').read_text(encoding='utf-8'))['Import']:
        models = yaml.safe_load((root / path).read_text(encoding='utf-8'))['Models']
        described.update({model['Name']: model for model in models})
    paths = [path for path in sorted((root / 'configs').rglob('*.py'))
             if '_base_' not in path.parts and not path.stem.startswith('example_')]
    return {path.stem: {'Weights': UNPUBLISHED + path.stem, **described.get(path.stem, {}),
                        'Name': path.stem, 'Config': str(path)} for path in paths}


def how_to_get(name: str) -> str:
    """Returns where weights for a config come from, as no weights are published under its name."""
    source = index()[name].get('Converted From', {}).get('Weights')
    convert = f', or convert those of {source} with tools/convert/release_checkpoint.py' if source else ''
    return (f'{name}: no weights are published under this name. Train them with tools/train.py{convert}, and '
            'give their file as the checkpoint')
