"""The model card, the ``README.md`` of a published model."""
import os
from typing import Dict, NamedTuple, Optional

from huggingface_hub import EvalResult, ModelCardData

from ..checkpoints import State, recognise
from ..utils import InputError

NON_COMMERCIAL = 'cc-by-nc-4.0'
AUTHORS = {'X-ViT': 'https://github.com/1adrianb/video-transformers'}  # of all others, those of CAST
CAST_AUTHORS = 'https://github.com/KHU-VLL/CAST'
EXPERTS = dict(  # licences of the weights that experts begin with, as far as they are one and the same
    CLIPExpert="CLIP's weights are under OpenAI's MIT licence",
    AIMExpert="CLIP's weights are under OpenAI's MIT licence",
    VideoMAEExpert="VideoMAE's weights are under CC-BY-NC 4.0")


class Origin(NamedTuple):
    """Where an expert comes from: its type, its file, or '', and whether it stays as it is there."""

    type: str
    file: str
    frozen: bool


class Publication(NamedTuple):
    """What a model card says.

    Attributes:
        name: Name of the config.
        address: What :func:`load` takes.
        licence: Identifier of the licence, such as ``cc-by-nc-4.0``.
        source: Address of the release that the weights were converted from; '' if they were trained.
        experts: By name, the origin of each expert that is frozen or has a file.
        complete: Whether the frozen experts are in the file.
        metrics: Values by name.
        dataset: Name of the data set that they were measured on.
    """

    name: str
    address: str
    licence: str
    source: str = ''
    experts: Dict[str, Origin] = {}
    complete: bool = True
    metrics: Dict[str, float] = {}
    dataset: str = ''


def choose_licence(meta: dict, state: State, given: Optional[str]) -> tuple:
    """Returns the licence of weights, and the address of the release that they were converted from or ''.

    ``tools/convert/release_checkpoint.py`` marks what it converts by ``release_key`` in ``meta``.

    Raises:
        InputError: If the licence has to be stated, or another than that of the release is stated.
    """
    system = recognise(state)[0]
    source = AUTHORS.get(system, CAST_AUTHORS) if 'release_key' in meta else ''
    known = NON_COMMERCIAL if source == CAST_AUTHORS else None
    licence = (given or known or '').lower()
    if not licence:
        raise InputError('state the licence of these weights with --licence, such as apache-2.0, or '
                         'cc-by-nc-4.0, which also holds for what was trained from weights under it')
    if not licence.replace('-', '').replace('.', '').isalnum():
        raise InputError(f'--licence {given}: must be an identifier of the hub, such as cc-by-nc-4.0, '
                         'apache-2.0 or other')
    if known and licence != known:
        raise InputError(f'--licence {given}: the weights were converted from the release at {source}, which '
                         f'is under {known}; leave --licence out')
    return licence, source


def model_card(of: Publication) -> str:
    """Returns the text of the card."""
    results = [
        EvalResult(task_type='video-classification', dataset_type=of.dataset.lower().replace(' ', '-'),
                   dataset_name=of.dataset, metric_type='accuracy', metric_name=name, metric_value=value)
        for name, value in of.metrics.items()]
    header = ModelCardData(
        license=of.licence, library_name='mmaction2', pipeline_tag='video-classification',
        tags=['video', 'action-recognition', 'mmaction2', 'cast'],
        model_name=of.name if results else None, eval_results=results or None)
    given = ''
    if not of.complete:
        files = ', '.join(f"{name}='FILE'" for name, origin in of.experts.items() if origin.frozen)
        given = f', experts=dict({files})'
    parts = [
        f'---\n{header.to_yaml()}\n---\n\n# {of.name}\n',
        'A model for action recognition in videos, of [CAST](https://arxiv.org/abs/2311.18825) for '
        '[MMAction2](https://github.com/open-mmlab/mmaction2). The recipe is the config of the same name.\n',
        '## Use\n',
        f"```python\nfrom projects.cast import load    # of the package cast-mmaction2\n"
        f"from mmaction.apis import inference_recognizer\nmodel, classes = load('{of.address}'{given})\n"
        "print(inference_recognizer(model, 'VIDEO').pred_score)    # a dict for several tasks\n```\n",
        '`classes` has the class names by task. Nothing in this repository is executed when it is loaded.\n',
        '## Licence\n',
        f'The weights are released under `{of.licence}`.'
        + (f' They were converted from those that the authors published at {of.source}; the tensors were '
           'renamed, and not changed.' if of.source else '') + '\n']
    if of.experts:
        missing = '' if of.complete else '. Frozen ones are not in this file; `experts` names theirs'
        parts.append(f'The experts have licences of their own{missing}:\n')
        for name, (kind, file, frozen) in of.experts.items():
            parts.append(f'- `{name}`: {kind}, {"frozen" if frozen else "trained further"}'
                         + (f', from `{os.path.basename(file)}`' if file else '')
                         + f'. {EXPERTS.get(kind, "Its source states the licence")}.')
        parts.append('')
    if of.metrics:
        parts += ['## Results\n', f'On {of.dataset}, as stated by the publisher:\n', '| metric | value |',
                  '|---|---|', *(f'| {name} | {value:g} |' for name, value in of.metrics.items()), '']
    return '\n'.join(parts)
