"""The rows of the study: the paper's ablations at a small size, with experts that were pre-trained for it."""
import copy
import json
import math
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

from mmengine import Config, ConfigDict

from projects.cast.engine import expert_configs, read_config
from projects.cast.utils import InputError

FULL = 'cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ek100-rgb'
STUDY = 'configs/cast/mini/cast_mini_1xb32-u8-600i_mini-study-rgb.py'
VERSION = 4  # of the study; raised whenever its clips, experts or training change
FIRST_SEED = 5  # smaller ones were reported with an earlier rule (docs/evidence.md)
RATES = Path(__file__).with_name('rates.json')  # verb, noun and action top-1 by level, row and learning rate
GRID = (1e-3, 2e-3, 4e-3, 8e-3)


class Row(NamedTuple):
    """A row of the study.

    Attributes:
        title: What it is called in tables and pictures.
        config: Name of the config that it is derived from, mostly that of an ablation.
        adapters: If given, both towers are frozen with adapters of this ratio, whatever the ablation says.
        seeds: Number of seeds that are reported.
        hidden: Width of a hidden layer of the head.
    """

    title: str
    config: str
    adapters: float = 0.
    seeds: int = 3
    hidden: int = 0


FROZEN = 0.25  # the paper's ratio of adapters
WIDE = 0.9  # adapters of this ratio have as many parameters as those of 1/4 and B-CAST together,
HIDDEN = 290  # and so have adapters of 1/4 and a head with a hidden layer of this width
ROWS: Dict[str, Row] = {
    # the core: the claim is judged on these, all with the same frozen experts
    'independent': Row('independent experts', 'table1a_independent-adapters', seeds=5),
    'late-add': Row('late fusion, add', 'table1b_late-add', FROZEN, 5),
    'late-concat': Row('late fusion, concat', 'table1b_late-concat', FROZEN, 5),
    'late-concat-wide': Row('late fusion, concat, wide adapters', 'table1b_late-concat', WIDE, 5),
    'late-concat-mlp': Row('late fusion, concat, hidden layer', 'table1b_late-concat', FROZEN, 5, HIDDEN),
    's2t-only': Row('CAST, S2T only', 'table1g_s2t-only', seeds=5),
    't2s-only': Row('CAST, T2S only', 'table1g_t2s-only', seeds=5),
    'full': Row('CAST', FULL, seeds=5),
    # table 1 (a) and (b), as in the paper, and the lateral connection also with frozen experts
    'ensemble': Row('ensemble', 'table1a_ensemble-adapters', seeds=5),
    'independent-tuned': Row('independent experts, fully tuned', 'table1a_independent-full-tuning', seeds=5),
    'lateral': Row('lateral connections', 'table1b_lateral', FROZEN, 5),
    'late-add-tuned': Row('late fusion, add, fully tuned', 'table1b_late-add', seeds=5),
    'late-concat-tuned': Row('late fusion, concat, fully tuned', 'table1b_late-concat', seeds=5),
    'lateral-tuned': Row('lateral connections, fully tuned', 'table1b_lateral', seeds=5),
    # table 1 (c), (e), (f) and (h), and table 8
    'identity': Row('identity', 'table1c_identity'),
    'no-adapter': Row('cross-attention without adapters', 'table1c_no-adapter'),
    'xattn-adapter': Row('cross-attention, then adapter', 'table1c_xattn-adapter'),
    'space-space': Row('T2S in space, S2T in space', 'table1e_t2s-space_s2t-space'),
    'all-space': Row('T2S in space-time, S2T in space', 'table1e_t2s-space-time_s2t-space'),
    'all-all': Row('T2S and S2T in space-time', 'table1e_t2s-space-time_s2t-space-time'),
    'last-block': Row('B-CAST in the last quarter', 'table1f_layers-10-12'),
    'last-half': Row('B-CAST in the last half', 'table1f_layers-7-12'),
    'last-three': Row('B-CAST in the last three quarters', 'table1f_layers-4-12'),
    'two-clip': Row('two CLIP', 'table1h_clip-clip'),
    'two-videomae': Row('two VideoMAE', 'table1h_videomae-videomae'),
    'swapped': Row('VideoMAE in space, CLIP in time', 'table1h_videomae-clip'),
    'no-positions': Row('B-CAST without positions', 'table8_no-positions'),
}
CORE = tuple(ROWS)[:8]


def best_of(scores: Dict[str, List[float]]) -> float:
    """Returns the learning rate with the best sum of verb and noun accuracy; of equals, the middle one."""
    middle = math.log(GRID[0] * GRID[-1]) / 2
    return float(max(scores, key=lambda lr: (sum(scores[lr][:2]), -abs(math.log(float(lr)) - middle))))


def grid_of(scores: Dict[str, List[float]]) -> List[float]:
    """Returns the learning rates to try for a row, given the accuracies at those that were tried.

    The grid is the same for each row. While the best rate is the lowest or the highest, there is one more.
    """
    tried = sorted(float(lr) for lr in scores)
    if not set(GRID) <= set(tried):
        return sorted({*GRID, *tried})
    best = best_of(scores)
    return sorted({*tried, best / 2 if best == tried[0] else best, best * 2 if best == tried[-1] else best})


def read_rates() -> Dict[str, Any]:
    """Returns the accuracies of all rates that were tried on this version of the study."""
    rates = json.loads(RATES.read_text()) if RATES.exists() else {}
    return rates if rates.get('version') == VERSION else dict(version=VERSION)


def rate(name: str, level: str) -> float:
    """Returns the learning rate at which a row is reported.

    Raises:
        InputError: If it has not been chosen.
    """
    scores = read_rates().get(level, {}).get(name)
    if not scores or len(grid_of(scores)) > len(scores):
        raise InputError(f'{RATES}: has no learning rate for {name!r} at the level {level!r}; run '
                         f'tools/mini_study.py {name} --level {level} --tune')
    return best_of(scores)


def shrink(model: ConfigDict, embed_dims: int, depth: int, num_heads: int, **expert: Any) -> ConfigDict:
    """Returns the model of a ViT config at another size, with proportional widths, depths and heads.

    Args:
        model: The ``model`` of the config.
        embed_dims, depth, num_heads: Values for every expert, instead of those of ViT-B (768, 12 and 12).
        expert: Further arguments of every expert; the sizes of clips do not concern experts of audio.

    Returns:
        A copy of the model without checkpoints.
    """
    model = copy.deepcopy(model)
    for cfg in expert_configs(model).values():
        cfg.update(checkpoint=None, **expert)
        if cfg.type == 'ASTExpert':
            for key in ('img_size', 'num_frames'):
                cfg.pop(key, None)
        if 'mix_blocks' in cfg:
            cfg.mix_blocks = sorted({i * depth // 12 for i in cfg.mix_blocks})
        if cfg.type in ('TimmExpert', 'XViTExpert'):
            cfg.model_kwargs = dict(embed_dim=embed_dims, depth=depth, num_heads=num_heads)
        else:
            cfg.update(embed_dims=embed_dims, depth=depth, num_heads=num_heads)
    for cfg in model.backbone.get('exchanges', {}).values():
        if isinstance(cfg.get('receivers'), dict):  # only exchanges with cross-attention have windows
            cfg.num_heads = num_heads
        if 'bottleneck_dims' in cfg:
            cfg.bottleneck_dims = num_heads * math.ceil(cfg.bottleneck_dims * embed_dims / 768 / num_heads)
        if 'layers' in cfg:
            cfg.layers = sorted({i * depth // 12 for i in cfg.layers})
    model.cls_head.in_channels = embed_dims
    if model.cls_head.type.startswith('XViT'):
        model.cls_head.num_heads = num_heads
    return model


def find_config(name: str) -> Path:
    """Returns the config of a row, given its path or name."""
    folder = Path(__file__).parents[2] / 'configs/cast'
    paths = [Path(name), folder / f'{name}.py', folder / 'ablations' / f'{name}.py']
    found = [path for path in paths if path.is_file()]
    if not found:
        raise InputError(f'{name}: no such config in {folder} or below its ablations')
    return found[0]


def study_config(config: str, adapters: float = 0., hidden: int = 0) -> Config:
    """Returns the study's config with the model of a config at the study's size; see :class:`Row`.

    Whether experts are frozen and have adapters is as in the config, unless ``adapters`` is given. Towers
    that are tuned keep the layer decay of the full size.

    Raises:
        InputError: If the config is not about verbs and nouns, or its experts are not among the study's.
    """
    study, full = read_config(Path(__file__).parents[2] / STUDY), read_config(find_config(config))
    if not isinstance(full.model.cls_head.get('num_classes'), dict):
        raise InputError(f'{config} has one label a video, the study has a verb and a noun; choose a row of '
                         'EPIC-KITCHENS-100')
    experts = study.model.backbone.experts
    towers = {cfg.type: cfg.checkpoint for cfg in experts.values()}
    for name, cfg in expert_configs(full.model).items():
        if cfg.type not in towers:
            raise InputError(f'{config}: the expert {name or "of the model"} is a {cfg.type}, but the study '
                             f'has pre-trained only {", ".join(towers)}')
    small = experts.spatial
    size = {key: small[key] for key in ('img_size', 'patch_size', 'num_frames', 'mlp_ratio')}
    if adapters:
        size.update(frozen=True, adapter_ratio=adapters)
    model = shrink(full.model, small.embed_dims, small.depth, small.num_heads, **size)
    for cfg in expert_configs(model).values():
        cfg.checkpoint = towers[cfg.type]
    model.backbone.drop_path_rate = study.model.backbone.drop_path_rate
    model.cls_head.update(num_classes=study.model.cls_head.num_classes, label_smooth_eps=0.)
    model.data_preprocessor = study.model.data_preprocessor
    if hidden:
        model.cls_head.hidden_channels = hidden
    if not all(cfg.get('frozen', True) for cfg in expert_configs(model).values()):
        decay = full.optim_wrapper.paramwise_cfg.layer_decay_rate
        study.optim_wrapper.paramwise_cfg.layer_decay_rate = decay
    study.model = model
    return study

