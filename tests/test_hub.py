"""Models by name: what is published loads again, with nothing but tensors and plain data."""
import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from conftest import MINI, load_tool, randomised, run
from huggingface_hub import ModelCard
from mmengine import Config
from mmengine.infer import BaseInferencer
from mmengine.runner.checkpoint import CheckpointLoader
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from mmaction.apis import inference_recognizer, init_recognizer
from mmaction.apis.inferencers import MMAction2Inferencer
from projects.cast import hub, load
from projects.cast.apis import CASTInferencer, Timeline
from projects.cast.engine import read_config, read_shared_config, share_config
from projects.cast.hub import pull, push, remote
from projects.cast.utils import InputError

NAME = MINI.stem
SOUND = 'ca2st_mini_1xb32-u4-10e_mini-sound-rgb-audio'
VERBS = ['lift', 'lower', 'shake', 'slide-left', 'slide-right', 'stir']


def save(cfg, path, **meta):
    """A checkpoint as a run with a moving average writes it."""
    state = randomised(cfg.model, std=0.1).state_dict()
    torch.save(dict(state_dict=state, meta=dict(epoch=1, **meta), optimizer=dict(state={0: torch.ones(9)}),
                    ema_state_dict={f'module.{key}': value + 1 for key, value in state.items()}), path)
    return str(path)


@pytest.fixture(scope='module')
def trained(mini_root, tmp_path_factory):
    """The mini model's checkpoint, its class names, and a video."""
    file = save(Config.fromfile(MINI), tmp_path_factory.mktemp('trained') / 'epoch_1.pth')
    names = [str(mini_root / f'EPIC_100_{task}_classes.csv') for task in ('verb', 'noun')]
    return file, names, str(mini_root / 'P01/videos/P01_01.mp4')


@pytest.fixture(scope='module')
def published(trained, tmp_path_factory):
    """The mini model as a folder."""
    folder = tmp_path_factory.mktemp('published') / 'mini'
    push(NAME, trained[0], str(folder), 'apache-2.0', trained[1], dict(action_top1=49.3), 'EPIC-KITCHENS-100')
    return folder


@pytest.fixture
def copy(published, tmp_path):
    """A copy of it to spoil."""
    return Path(shutil.copytree(published, tmp_path / 'copy'))


def scores_of(model, video):
    return inference_recognizer(model, video).pred_score


def same(one, other):
    assert set(one) == set(other) and all(torch.equal(one[key], other[key]) for key in one)
    return True


def test_what_is_published_predicts_the_same(trained, published):
    checkpoint, _, video = trained
    own = init_recognizer(Config.fromfile(MINI), checkpoint, 'cpu')
    model, classes = load(str(published), device='cpu')
    assert same(scores_of(model, video), scores_of(own, video)) and not model.training
    assert sorted(classes) == ['noun', 'verb'] and sorted(classes['verb']) == VERBS
    assert model.cfg.test_dataloader.dataset.pipeline == own.cfg.test_dataloader.dataset.pipeline
    assert isinstance(model.cfg.test_pipeline[3].scale, tuple)  # MMAction2 tells it from a list


def test_the_folder_has_what_predicting_needs(trained, published):
    assert {path.name for path in published.iterdir()} == {'README.md', 'config.json', 'model.safetensors'}
    stored = torch.load(trained[0], weights_only=True)
    assert same(load_file(published / 'model.safetensors'), stored['state_dict'])
    config = json.loads((published / 'config.json').read_text())
    assert set(config) == {'name', 'model', 'label_map', 'val_pipeline', 'test_pipeline'}
    assert config['name'] == NAME and 'init_cfg' not in str(config) and '/' not in str(config)
    assert (published / 'model.safetensors').stat().st_mode == (published / 'config.json').stat().st_mode


def test_with_our_inferencer_and_timeline(trained, published):
    checkpoint, names, video = trained
    ours = CASTInferencer(str(MINI), checkpoint, 'cpu', names)(video)['predictions']
    assert CASTInferencer(str(published), device='cpu')(video)['predictions'] == ours
    assert CASTInferencer(NAME, checkpoint, 'cpu', names)(video)['predictions'] == ours
    model, _ = load(str(published), device='cpu')
    windows = [*Timeline(model, model.cfg, 1., 1.)(video)]
    assert len(windows) > 1 and len(windows[0].scores['verb']) == 6


def test_with_the_tools(trained, published):
    weights = published / 'model.safetensors'
    out = run('tools/demo.py', trained[2], published, weights, '--device', 'cpu', '--topk', '6')
    assert all(verb in out for verb in VERBS)


def test_tensors_that_modules_share(tmp_path):
    config = tmp_path / 'sharing.py'
    config.write_text(f"_base_ = {hub.index()[SOUND]['Config']!r}\n"
                      "model = dict(backbone=dict(share_projections=('audio', )))\n")
    checkpoint = save(read_config(str(config)), tmp_path / 'sound.pth')
    state = torch.load(checkpoint, weights_only=True)['state_dict']
    assert len({value.data_ptr() for value in state.values()}) < len(state)
    labels = tmp_path / 'classes.txt'
    labels.write_text('\n'.join(map(str, range(6))))
    (tmp_path / 'verbs.txt').write_text('\n'.join(map(str, range(8))))
    push(str(config), checkpoint, str(tmp_path / 'out'), 'mit', [str(tmp_path / 'verbs.txt'), str(labels)])
    model, _ = load(str(tmp_path / 'out'), device='cpu')
    assert same(model.state_dict(), state)
    names = [name for name, _ in model.named_parameters()]
    assert len(names) < len([*model.named_parameters(remove_duplicate=False)])  # they are still shared


@pytest.fixture
def frozen(tmp_path, mini_root):
    """A config with frozen experts that have files, a checkpoint, and the files."""
    model = randomised(Config.fromfile(MINI).model, std=0.1)
    files = {name: str(tmp_path / f'{name}.pth') for name in ('spatial', 'temporal')}
    for name, file in files.items():
        torch.save(model.backbone.experts[name].tower.state_dict(), file)
    config = tmp_path / 'frozen.py'
    config.write_text(f'_base_ = {str(MINI)!r}\nmodel = dict(backbone=dict(experts=dict(' + ', '.join(
        f'{name}=dict(frozen=True, checkpoint={file!r})' for name, file in files.items()) + ')))\n'
        f'label_map = dict(verb={str(mini_root / "EPIC_100_verb_classes.csv")!r}, '
        f'noun={str(mini_root / "EPIC_100_noun_classes.csv")!r})\n')
    checkpoint = str(tmp_path / 'whole.pth')
    torch.save(dict(state_dict=model.state_dict()), checkpoint)
    return str(config), checkpoint, files


def test_without_the_frozen_experts(frozen, tmp_path):
    config, checkpoint, files = frozen
    state = torch.load(checkpoint, weights_only=True)['state_dict']
    whole, slim = str(tmp_path / 'whole'), str(tmp_path / 'slim')
    large = push(config, checkpoint, whole, 'cc-by-nc-4.0')
    small = push(config, checkpoint, slim, 'cc-by-nc-4.0', with_experts=False)
    assert small['model.safetensors'] < 0.6 * large['model.safetensors']
    assert same(load(whole, device='cpu').model.state_dict(), state)
    assert same(load(slim, device='cpu', experts=files).model.state_dict(), state)
    with pytest.raises(InputError, match="trained with another expert 'spatial' than None; set"):
        load(slim, device='cpu')
    with pytest.raises(InputError, match='does not fit|another expert'):
        load(slim, device='cpu', experts=dict(files, spatial=files['temporal']))
    with pytest.raises(InputError, match="no expert 'wrist'; there are spatial, temporal"):
        load(slim, device='cpu', experts=dict(wrist='x'))
    text = (Path(slim) / 'README.md').read_text()
    assert "experts=dict(spatial='FILE', temporal='FILE')" in text and str(tmp_path) not in text
    assert '`temporal`: VideoMAEExpert, frozen, from `temporal.pth`. VideoMAE' in text
    pull(slim, str(tmp_path / 'pulled'))
    model = load(str(tmp_path / 'pulled'), device='cpu', experts=files).model
    assert same(model.state_dict(), state)


def test_the_model_card(published):
    card = ModelCard.load(published / 'README.md')
    assert card.data.license == 'apache-2.0' and card.data.library_name == 'mmaction2'
    assert card.data.pipeline_tag == 'video-classification'
    (result, ) = card.data.eval_results
    assert (result.dataset_name, result.metric_name, result.metric_value) == (
        'EPIC-KITCHENS-100', 'action_top1', 49.3)
    assert "load('mini')" in card.text and 'converted' not in card.text
    assert str(published.parent) not in card.content


def test_licences(trained, tmp_path):
    """Those of converted weights are known, all others must be stated."""
    checkpoint, names, _ = trained
    convert = load_tool('convert/release_checkpoint.py').convert
    released, converted = str(tmp_path / 'released.pth'), str(tmp_path / 'converted.pth')
    convert(checkpoint, released, reverse=True)
    convert(released, converted)
    push(NAME, converted, str(tmp_path / 'out'), label_map=names)
    card = ModelCard.load(tmp_path / 'out/README.md')
    assert card.data.license == 'cc-by-nc-4.0'
    assert 'converted from those that the authors published at https://github.com/KHU-VLL/CAST' in card.text
    for file, licence, message in [
            (converted, 'mit', 'converted from the release at .*, which is under cc-by-nc-4.0'),
            (checkpoint, None, 'state the licence of these weights with --licence'),
            (checkpoint, 'my own one', 'must be an identifier')]:
        with pytest.raises(InputError, match=message):
            push(NAME, file, str(tmp_path / 'none'), licence, names)
    assert not (tmp_path / 'none').exists()


def test_a_push_reads_the_checkpoint_once(trained, tmp_path, monkeypatch):
    read, count = torch.load, []
    monkeypatch.setattr(torch, 'load', lambda path, *args, **more: (
        count.append(Path(path).name), read(path, *args, **more))[1])
    push(NAME, trained[0], str(tmp_path / 'out'), 'apache-2.0', trained[1])
    assert count == [Path(trained[0]).name]


def test_what_cannot_be_published(trained, tmp_path):
    checkpoint, names, _ = trained
    half = torch.load(checkpoint, weights_only=True)
    half['state_dict'] = {k: v for k, v in half['state_dict'].items() if not k.startswith('cls_head')}
    torch.save(half, tmp_path / 'headless.pth')
    (tmp_path / 'few.txt').write_text('a\nb')
    (tmp_path / 'full').mkdir()
    (tmp_path / 'full/notes.txt').touch()
    for arguments, message in [
            ((NAME, str(tmp_path / 'headless.pth'), 'out', 'mit', names), 'headless.pth: does not fit'),
            ((NAME, checkpoint, 'out', 'mit', [str(tmp_path / 'few.txt')] * 2), 'has 2 class names for verb'),
            ((NAME, checkpoint, 'full', 'mit', names), 'full: is there already'),
            ((NAME, checkpoint, 'out', 'mit', names, dict(top1=1.)), 'say with --dataset'),
            ((NAME, checkpoint, 'out', 'mit', names, {}, '', False), 'has no frozen experts'),
            ((NAME, checkpoint, 'hf:me/it@v1', 'mit', names), 'leave the part after @ out')]:
        arguments = [str(tmp_path / a) if a in ('out', 'full') else a for a in arguments]
        with pytest.raises(InputError, match=message):
            push(*arguments)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['few.txt', 'full', 'headless.pth']
    assert [path.name for path in (tmp_path / 'full').iterdir()] == ['notes.txt']


def test_the_tool(trained, tmp_path, monkeypatch, capsys):
    checkpoint, names, _ = trained
    tool = load_tool('hub.py')

    def call(*arguments):
        monkeypatch.setattr('sys.argv', ['tools/hub.py', *map(str, arguments)])
        tool.main()
        return capsys.readouterr().out

    out = call('push', NAME, checkpoint, tmp_path / 'out', '--license', 'mit', '--label-map', *names,
               '--metric', 'a=1', 'b=2.5', '--dataset', 'mine')
    assert '1.6 MB in config.json, model.safetensors, README.md' in out
    assert '| b | 2.5 |' in (tmp_path / 'out/README.md').read_text()
    call('pull', tmp_path / 'out', tmp_path / 'again')
    assert len([*(tmp_path / 'again').iterdir()]) == 3
    assert NAME in call('list', 'mini').splitlines() and 'table1b_lateral' not in call('list', 'mini')
    with pytest.raises(InputError, match='must be NAME=NUMBER'):
        call('push', NAME, checkpoint, tmp_path / 'x', '--metric', 'a')
    assert run('tools/hub.py', 'pull', NAME, tmp_path / 'x', ok=False).splitlines()[-1].startswith(
        f'error: {NAME}: no weights are published under this name')


# Names


def test_names(trained):
    checkpoint, _, video = trained
    model, classes = load(NAME, checkpoint, 'cpu')  # its label maps are files that are not there
    assert classes == {} and len(scores_of(model, video)['noun']) == 6
    assert sorted(load(NAME, checkpoint, 'cpu', trained[1]).classes['verb']) == VERBS
    assert sorted(load(str(MINI), checkpoint, 'cpu', trained[1]).classes) == ['noun', 'verb']
    full = 'cast_vit-base-p16_clip-videomae_16xb6-u16x2-50e_ssv2-rgb'
    with pytest.raises(InputError, match='ssv2-rgb: no weights .* or convert those of https://.*KHU-VLL/CAST'):
        load(full)
    with pytest.raises(InputError, match=f'no such model; .* did you mean {full!r}'):
        load(full.replace('u16x2', 'u16'))
    with pytest.raises(InputError, match='is a config file; give a checkpoint'):
        load(str(MINI))


def test_inferencer_of_the_host_by_name(trained):
    checkpoint, _, video = trained
    with pytest.raises(InputError, match=f'{NAME}: no weights are published'):
        MMAction2Inferencer(NAME, device='cpu')
    (found, ) = MMAction2Inferencer(NAME, checkpoint, 'cpu')(video)['predictions']
    score = scores_of(load(NAME, checkpoint, 'cpu').model, video)['verb']
    assert found['rec_scores'][0]['verb'] == pytest.approx(score.tolist(), abs=1e-5)
    assert found['rec_labels'][0]['verb'] == [int(score.argmax())]
    listed = BaseInferencer.list_models('mmaction')
    assert NAME in listed and any(name.startswith('tsn_') for name in listed)


def test_every_kind_of_config_can_be_published():
    """Its shared form holds the same model and pipelines, but for what belongs to a machine."""
    entries = [entry for entry in hub.index().values()
               if len(entry) > 3 or entry['Name'] in (SOUND, 'table7_eva-mvd')]
    assert len(entries) > 15
    for entry in entries:
        cfg = Config.fromfile(entry['Config'])
        shared = json.loads(json.dumps(share_config(cfg, entry['Name'], dict(action=['a']))))
        assert '/' not in str(shared) and 'checkpoint' not in str(shared), entry['Name']
        assert [t['type'] for t in shared['test_pipeline']] == [
            t.type for t in cfg.test_dataloader.dataset.pipeline]


# The hub, replaced where huggingface_hub speaks to it


class FakeHub:
    """Repositories as folders, by name and revision."""

    def __init__(self, root):
        self.root, self.calls = root, []

    def HfApi(self):
        return self

    def create_repo(self, repo_id, private, exist_ok):
        self.calls.append(('create', repo_id, private, exist_ok))

    def upload_folder(self, repo_id, folder_path, allow_patterns, commit_message):
        for revision in ('main', f'v{len(self.calls)}'):
            target = self.root / repo_id / revision
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
            for name in allow_patterns:
                shutil.copy(Path(folder_path) / name, target)

    def snapshot_download(self, repo_id, revision, allow_patterns):
        self.calls.append(('download', repo_id, revision, allow_patterns))
        folder = self.root / repo_id / (revision or 'main')
        if not folder.is_dir():
            raise ConnectionError(f'nothing at {repo_id}\nand no connection')
        return str(folder)


@pytest.fixture
def fake_hub(tmp_path, monkeypatch):
    fake = FakeHub(tmp_path / 'hub')
    monkeypatch.setattr(remote, 'HfApi', fake.HfApi)
    monkeypatch.setattr(remote, 'snapshot_download', fake.snapshot_download)
    return fake


def test_the_hub(fake_hub, trained, tmp_path, monkeypatch):
    checkpoint, names, video = trained
    push(NAME, checkpoint, 'hf:me/mini', 'mit', names, private=True)
    assert fake_hub.calls == [('create', 'me/mini', True, True)]
    model, classes = load('hf:me/mini', device='cpu')
    files = ['config.json', 'model.safetensors', 'README.md']
    assert fake_hub.calls[-1] == ('download', 'me/mini', None, files)
    assert sorted(classes['verb']) == VERBS
    assert "load('hf:me/mini')" in (fake_hub.root / 'me/mini/main/README.md').read_text()
    load('hf:me/mini@v1', device='cpu')
    assert fake_hub.calls[-1][2] == 'v1'
    pull('hf:me/mini@v1', str(tmp_path / 'pulled'))
    assert same(load(str(tmp_path / 'pulled'), device='cpu').model.state_dict(), model.state_dict())
    state = CheckpointLoader.load_checkpoint('hf:me/mini', 'cpu')  # as load_from and CHECKPOINT of the tools
    assert same(state, model.state_dict())

    monkeypatch.setitem(hub.index(), NAME, dict(hub.index()[NAME], Weights='hf:me/mini'))
    assert same(scores_of(load(NAME, device='cpu').model, video), scores_of(model, video))
    (found, ) = MMAction2Inferencer(NAME, device='cpu')(video)['predictions']
    assert len(found['rec_scores'][0]['verb']) == 6
    pull(NAME, str(tmp_path / 'by_name'))
    with pytest.raises(InputError, match='^hf:me/mini@v7: nothing at me/mini and no connection$'):
        load('hf:me/mini@v7')
    for wrong in ('hf:mini', 'hf:me/mini@', 'hf:../../mini', 'hf:me/mini/more'):
        with pytest.raises(InputError, match='must be hf:USER/REPOSITORY'):
            load(wrong)


# Strangers


@pytest.fixture
def trap(tmp_path):
    """A file that appears if something is executed, and code that makes it."""
    file = tmp_path / 'executed'
    yield file, f'open({str(file)!r}, "w").close()'
    assert not file.exists()


def refuse(folder, match):
    with pytest.raises(InputError, match=match) as error:
        load(str(folder), device='cpu')
    assert '\n' not in str(error.value) and str(folder) in str(error.value)


def at(config, path, value):
    """Sets a value at a dotted path."""
    *keys, last = path.split('.')
    for key in keys:
        config = config[int(key) if key.isdigit() else key]
    config[last] = value


EXPERT = 'model.backbone.experts.spatial'
EVIL = [
    ('model.cls_head', dict(type='os.system', command='touch executed'), "'os.system' may not be named"),
    ('model.backbone', dict(type='builtins.eval', source='CODE'), "'builtins.eval' may not be named"),
    ('model.type', 'subprocess.Popen', "'subprocess.Popen' may not be named"),
    ('model.type', 'mmaction.models.CASTRecognizer', 'may not be named'),
    ('model.type', ['CASTRecognizer'], 'may not be named'),
    ('model.cls_head.type', 'torch.hub.load', 'may not be named'),
    ('model.backbone.type', 'UniFormerV2', 'may not be named'),  # it downloads CLIP
    ('model.type', 'Resize', 'may not be named'),
    ('test_pipeline', [dict(type='TorchVisionWrapper', op='x')], 'may not be named'),
    ('test_pipeline', [dict(type='os.remove', path='x')], 'may not be named'),
    ('test_pipeline', ['x'], 'must be a list of transforms'),
    ('custom_imports', dict(imports=['evil']), 'must have exactly the keys'),
    ('_base_', 'evil.py', 'must have exactly the keys'),
    ('load_from', 'https://evil', 'must have exactly the keys'),
    ('model._scope_', 'mmdet', "the key '_scope_' is not for"),
    (f'{EXPERT}.checkpoint', 'https://evil/w.pth', "the key 'checkpoint' is not for"),
    (f'{EXPERT}.init_cfg', dict(type='Pretrained', checkpoint='x'), "the key 'init_cfg' is not for"),
    ('model.backbone.pretrained', True, "the key 'pretrained' is not for"),
    (f'{EXPERT}.modality', 'https://evil', 'is not a name'),
    (f'{EXPERT}.modality', '../../secret', 'is not a name'),
    (f'{EXPERT}.name', '{filename.__class__}', 'is not a name'),
    (f'{EXPERT}.embed_dims', 10**12, 'is absurd'),
    (f'{EXPERT}.depth', 10**4, 'is absurd'),
    (f'{EXPERT}.mlp_ratio', float('inf'), 'is absurd|JSON'),
    (f'{EXPERT}.mlp_ratio', float('nan'), 'is absurd|JSON'),
    (f'{EXPERT}.embed_dims', 8192, r'no model .* \(needs more than \d+ MiB'),
    (f'{EXPERT}.embed_dims', 'wide', 'describes no model that can be built'),
    (f'{EXPERT}.embed_dims', 128, 'another model|does not fit'),
    (f'{EXPERT}.wings', 2, "nothing reads 'wings'"),
    ('label_map', dict(verb=['\x1b[2J']), 'printable names'),
    ('label_map', 'ek100_verb', 'printable names'),
    ('model', [], 'has no type|is not'),
    ('val_pipeline', [dict(type='CenterCrop', crop_size=[1] * 30000)], 'has more than 20000 entries')]


@pytest.mark.parametrize('path, value, message', EVIL, ids=[f'{k}={v!r:.40}' for k, v, _ in EVIL])
def test_evil_configs(copy, trap, path, value, message):
    file, code = trap
    config = json.loads((copy / 'config.json').read_text())
    at(config, path, json.loads(json.dumps(value).replace('CODE', code.replace('"', "'"))))
    (copy / 'config.json').write_text(json.dumps(config))
    refuse(copy, message)


def test_a_table_of_positions_that_fills_the_memory(copy):
    """It is the product of two harmless numbers, computed and not stored."""
    config = json.loads((copy / 'config.json').read_text())
    for expert in config['model']['backbone']['experts'].values():
        expert.update(num_frames=65536, img_size=256)
    (copy / 'config.json').write_text(json.dumps(config))
    refuse(copy, r'no model .* \(needs more than \d+ MiB')


@pytest.mark.parametrize('text, message', [
    ('{', 'cannot be read as JSON'), ('[]', 'must have exactly'), ('[' * 10**5, 'cannot be read as JSON'),
    ('9' * 10**4, 'cannot be read as JSON|must have'), ('"' + 'x' * (5 << 20) + '"', 'has 5242882 bytes')])
def test_files_that_are_no_configs(copy, text, message):
    (copy / 'config.json').write_text(text)
    refuse(copy, message)


def test_a_config_with_code(copy, trap):
    (copy / 'config.json').unlink()
    (copy / 'config.py').write_text(trap[1])
    refuse(copy, r'config.json: no such file.*config.py are not read, as they could run code')


class Bomb:
    def __init__(self, code):
        self.code = code

    def __reduce__(self):
        return exec, (self.code, )


def test_weights_with_code(copy, trap, tmp_path):
    weights = copy / 'model.safetensors'
    for content in (pickle.dumps(Bomb(trap[1])), b'', b'\xff' * 64, (10**11).to_bytes(8, 'little') + b'{}'):
        weights.write_bytes(content)
        refuse(copy, r'model.safetensors: cannot be read as a checkpoint \(Safetensor')
    torch.save(dict(state_dict={}, x=Bomb(trap[1])), weights)
    refuse(copy, 'cannot be read as a checkpoint')
    weights.unlink()
    torch.save(dict(state_dict={}, x=Bomb(trap[1])), copy / 'model.pth')
    refuse(copy, 'model.safetensors: no such checkpoint file')


def test_weights_that_claim_absurd_sizes(copy):
    head = json.dumps({'x': dict(dtype='F32', shape=[10**6, 10**6], data_offsets=[0, 4 * 10**12])}).encode()
    (copy / 'model.safetensors').write_bytes(len(head).to_bytes(8, 'little') + head)
    refuse(copy, 'cannot be read as a checkpoint')


@pytest.mark.parametrize('experts', ['[1]', '{', '"x"', '{"spatial": "0"}'])
def test_weights_with_a_wrong_header(copy, experts):
    weights = copy / 'model.safetensors'
    save_file(load_file(weights), weights, dict(experts=experts))
    with safe_open(weights, 'pt') as file:
        assert file.metadata() == dict(experts=experts)
    refuse(copy, 'cannot be read as a checkpoint|another expert')


def test_weights_of_another_model(copy):
    state = load_file(copy / 'model.safetensors')
    state.pop('cls_head.fc_cls.verb.weight')
    save_file(state, copy / 'model.safetensors')
    refuse(copy, 'belongs to another model|does not fit')


def test_pull_checks_first(copy, tmp_path):
    (copy / 'model.safetensors').write_bytes(b'')
    with pytest.raises(InputError):
        pull(str(copy), str(tmp_path / 'out'))
    assert not (tmp_path / 'out').exists()


def test_what_the_users_program_registers_is_the_users(copy):
    from mmaction.registry import TRANSFORMS
    from projects.cast.datasets import DecodeVideo

    @TRANSFORMS.register_module(force=True)
    class MyDecode(DecodeVideo):
        pass

    config = json.loads((copy / 'config.json').read_text())
    config['test_pipeline'][2] = dict(type='MyDecode')
    (copy / 'config.json').write_text(json.dumps(config))
    assert read_shared_config(str(copy)).test_pipeline[2].type == 'MyDecode'
