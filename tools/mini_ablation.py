"""Runs a row of the paper's ablation tables with a small model on the mini kitchens.

    python tools/mini_ablation.py configs/cast/ablations/table1e_t2s-space_s2t-space.py [--seed 0]
    for row in configs/cast/ablations/table*.py; do python tools/mini_ablation.py $row; done

The model is that of the row's config at a small size; data and schedule are those of the mini kitchens. The
experts learn from scratch, even if the row freezes them. Results: work_dirs/mini_ablations/ROW_seedSEED.
"""
import argparse
import copy
import math
import subprocess
import sys
from pathlib import Path
from typing import Dict

from mmengine import Config, ConfigDict

from projects.cast.engine import read_config
from projects.cast.utils import InputError, run_tool

MINI = 'configs/cast/mini/cast_mini_1xb32-u8-15e_mini-kitchens-rgb.py'


def shrink(model: ConfigDict, embed_dims: int, depth: int, num_heads: int, **expert) -> ConfigDict:
    """Returns the model of a ViT config at another size, with proportional widths, depths and heads.

    Args:
        model: The ``model`` of the config.
        embed_dims, depth, num_heads: Values for every expert, instead of those of ViT-B (768, 12 and 12).
        expert: Further arguments of every expert; the sizes of clips do not concern experts of audio.

    Returns:
        A copy of the model without checkpoints.
    """
    model = copy.deepcopy(model)
    for cfg in experts_of(model).values():
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


def experts_of(model: ConfigDict) -> Dict[str, ConfigDict]:
    """Returns the configs of a model's experts by name, or that of its backbone if this is an expert."""
    return model.backbone.get('experts', {'': model.backbone})


def mini_config(row: str, depth: int) -> Config:
    """Returns the mini kitchens' config with the row's model.

    Raises:
        InputError: If the row is not about verbs and nouns, or hears.
    """
    mini, full = read_config(MINI), read_config(row)
    if any(cfg.type == 'ASTExpert' for cfg in experts_of(full.model).values()):
        raise InputError(f'{row} has an audio expert, but the mini kitchens are silent; choose a row of CAST')
    if not isinstance(full.model.cls_head.get('num_classes'), dict):
        raise InputError(f'{row} has one label a video, the mini kitchens have a verb and a noun; choose a '
                         'row of EPIC-KITCHENS-100')
    spatial = mini.model.backbone.experts.spatial
    model = shrink(full.model, spatial.embed_dims, depth, spatial.num_heads, img_size=spatial.img_size,
                   num_frames=spatial.num_frames, frozen=False)
    model.backbone.drop_path_rate = mini.model.backbone.drop_path_rate
    model.cls_head.update(num_classes=mini.model.cls_head.num_classes, label_smooth_eps=0.)
    model.data_preprocessor = mini.model.data_preprocessor
    for name, cfg in mini.model.backbone.experts.items():  # initialisation from scratch
        own = experts_of(model).get(name, {})
        if own.get('type') == cfg.type == 'VideoMAEExpert':
            own.init_cfg = cfg.init_cfg
    mini.model = model
    return mini


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('row', help='a config below configs/cast/ablations, or the EK100 config itself')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--depth', type=int, default=4, help='blocks; with four, the rows of 1 (f) differ')
    parser.add_argument('--dry-run', action='store_true', help='only write the config')
    parser.add_argument('--cfg-options', nargs='+', default=[], help='for tools/train.py and tools/test.py')
    args = parser.parse_args()
    work_dir = Path('work_dirs/mini_ablations') / f'{Path(args.row).stem}_seed{args.seed}'
    work_dir.mkdir(parents=True, exist_ok=True)
    config = mini_config(args.row, args.depth)
    config.dump(work_dir / 'config.py')
    print(f'{work_dir / "config.py"}: the mini kitchens with the model of {args.row}')
    if not args.dry_run:
        options = ['--cfg-options', *args.cfg_options] if args.cfg_options else []
        common = [work_dir / 'config.py', '--work-dir', work_dir]
        last = work_dir / f'epoch_{config.train_cfg.max_epochs}.pth'
        for command in (['tools/train.py', *common, '--seed', str(args.seed)],
                        ['tools/test.py', common[0], last, *common[1:]]):
            status = subprocess.run([sys.executable, *map(str, command), *options]).returncode
            if status:
                sys.exit(status)  # it has printed the reason


if __name__ == '__main__':
    run_tool(main)
