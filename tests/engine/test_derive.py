"""Values that a derived config hands to `derive` reach all the places that read them."""
import pytest
from conftest import MINI, ROOT
from mmengine import Config

from projects.cast.engine import read_config
from projects.cast.utils import InputError

MAIN = {path.stem.rpartition('_')[2]: path for path in (ROOT / 'configs/cast').glob('cast_*.py')}
SSV2, EK100 = MAIN['ssv2-rgb'], MAIN['ek100-rgb']


def derived(folder, arguments, base=SSV2, below='', name='config.py'):
    """A config file that calls ``derive``."""
    path = folder / name
    path.write_text(f"_base_ = '{base}'\nfrom projects.cast.engine import derive\n\n"
                    f'locals().update(derive(_base_, {arguments}))\n{below}\n')
    return path


def test_every_value_reaches_all_its_places(tmp_path):
    cfg, base = read_config(str(derived(
        tmp_path, "data_root='here', ann_file_train='train.txt', ann_file_val='val.txt', "
        "label_map='names.txt', num_classes=5, clip_len=32, decoder='pyav', "
        "max_epochs=30, warmup_epochs=3, batch_size=12, "
        "accumulative_counts=2, checkpoints=dict(spatial='clip.pt')"))), Config.fromfile(SSV2)
    for split, file in (('train', 'train.txt'), ('val', 'val.txt'), ('test', 'val.txt')):
        dataset = cfg[f'{split}_dataloader'].dataset
        assert (dataset.ann_file, dataset.num_classes, dataset.data_prefix) == (file, 5, dict(video='here'))
        assert cfg[f'ann_file_{split}'] == file
        for pipeline in (dataset.pipeline, cfg[f'{split}_pipeline']):
            assert [t.clip_len for t in pipeline if 'clip_len' in t] == [32]
            assert pipeline[0] == dict(type='InitVideo', decoder='pyav')
            assert len(pipeline) == len(base[f'{split}_pipeline'])
    assert (cfg.data_root, cfg.data_root_val, cfg.label_map) == ('here', 'here', 'names.txt')
    assert (cfg.num_classes, cfg.max_epochs, cfg.train_cfg.max_epochs) == (5, 30, 30)
    assert cfg.model.cls_head.num_classes == cfg.model.data_preprocessor.blending.augments.num_classes == 5
    assert [(s.begin, s.end, s.get('T_max')) for s in cfg.param_scheduler] == [(0, 3, None), (3, 30, 27)]
    loaders = cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader
    assert [loader.batch_size for loader in loaders] == [12, 12, 1]
    assert (cfg.auto_scale_lr.base_batch_size, cfg.optim_wrapper.accumulative_counts) == (12, 2)
    assert cfg.optim_wrapper.optimizer.lr == pytest.approx(1e-3 * 12 * 2 / 256)
    experts = cfg.model.backbone.experts
    assert experts.spatial.checkpoint == 'clip.pt'
    assert experts.temporal == base.model.backbone.experts.temporal
    assert '_delete_' not in str(cfg)


def test_what_is_not_given_stays(tmp_path):
    assert Config.fromfile(derived(tmp_path, '')).to_dict() == Config.fromfile(SSV2).to_dict()


def test_numbers_of_classes_per_task(tmp_path):
    cfg = read_config(str(derived(tmp_path, 'num_classes=dict(verb=4, noun=7)', base=EK100)))
    for split in ('train', 'val', 'test'):
        assert cfg[f'{split}_dataloader'].dataset.num_classes == dict(verb=4, noun=7)
    assert cfg.model.data_preprocessor.blending.num_classes == dict(verb=4, noun=7)


def test_a_derived_config_is_a_config_like_any_other(tmp_path):
    """Further keys are merged; the result is dumped and read, and derived from in turn."""
    first = derived(
        tmp_path, 'clip_len=8, test_pipeline=_base_.val_pipeline, '
        "custom_hooks=[dict(type='SlimCheckpointHook')], "
        'model=dict(backbone=dict(exchanges=dict(_delete_=True)), data_preprocessor=dict(blending=None)), '
        'optim_wrapper=dict(optimizer=dict(lr=1.))', name='first.py')
    cfg = read_config(str(first))
    assert cfg.test_pipeline == cfg.test_dataloader.dataset.pipeline == cfg.val_pipeline
    assert cfg.val_pipeline[1].clip_len == 8 and cfg.custom_hooks[0].type == 'SlimCheckpointHook'
    assert cfg.model.backbone.exchanges == {} and cfg.model.data_preprocessor.blending is None
    assert cfg.optim_wrapper.optimizer.lr == 1. and cfg.optim_wrapper.optimizer.type == 'AdamW'
    cfg.dump(tmp_path / 'dumped.py')
    assert read_config(str(tmp_path / 'dumped.py')).to_dict() == cfg.to_dict()
    second = read_config(str(derived(tmp_path, 'max_epochs=9, accumulative_counts=2', first)))
    assert second.param_scheduler[1].end == 9 and second.optim_wrapper.optimizer.lr == .5
    assert second.model == cfg.model and second.test_pipeline == cfg.test_pipeline


@pytest.mark.parametrize('name', ['labels', 'tasks'])
def test_dumped_examples_are_read(name, tmp_path):
    """As the work directory has them: variables of the file, which nothing reads any more, are no errors."""
    config = read_config(str(ROOT / f'configs/cast/example_own_{name}.py'))
    config.dump(tmp_path / 'dumped.py')
    assert read_config(str(tmp_path / 'dumped.py')).to_dict() == config.to_dict()


def test_no_warm_up(tmp_path):
    cfg = Config.fromfile(derived(tmp_path, 'warmup_epochs=0'))
    assert [(s.begin, s.end, s.T_max) for s in cfg.param_scheduler] == [(0, 50, 50)]


@pytest.mark.parametrize('arguments, message', [
    ("dataroot='a'", "config.py: derive: nothing reads 'dataroot'; did you mean 'data_root'"),
    ("checkpoints=dict(spatail='a')", "there is no expert 'spatail'; there are spatial, temporal"),
    ('num_classes=dict(verb=4, noun=7)', 'FusedHead takes one number'),
    ('max_epochs=5', 'warmup_epochs=5 must be less than max_epochs=5')])
def test_N5_arguments_that_do_not_fit(tmp_path, arguments, message):
    with pytest.raises(InputError, match=message):
        read_config(str(derived(tmp_path, arguments)))


def test_N5_a_number_for_a_head_with_tasks(tmp_path):
    with pytest.raises(InputError, match='VerbNounHead takes a number per task, such as'):
        read_config(str(derived(tmp_path, 'num_classes=5', base=MINI)))


def test_a_backbone_without_experts(tmp_path):
    base = next((ROOT / 'configs/xvit').glob('xvit_*ssv2*.py'))
    with pytest.raises(InputError, match='the backbone XViTExpert has no experts to name; set model=dict'):
        read_config(str(derived(tmp_path, "checkpoints=dict(spatial='a')", base=base)))
    own = derived(tmp_path, "model=dict(backbone=dict(checkpoint='a'))", base=base)
    assert read_config(str(own)).model.backbone.checkpoint == 'a'


def test_N5_a_key_beside_the_call_would_replace_its_result(tmp_path):
    path = derived(tmp_path, 'num_classes=5', below='model = dict(data_preprocessor=dict(blending=None))')
    with pytest.raises(InputError, match="'model' stands beside derive.*derive._base_, model=...."):
        read_config(str(path))
