"""What the documents and the packaging say: links, paths and command lines lead somewhere, examples run."""
import importlib
import inspect
import json
import os
import re
import runpy
import subprocess
import sys
from importlib.metadata import requires, version
from pathlib import Path

import matplotlib.axes
import matplotlib.figure
import pytest
import yaml
from conftest import ENV, ROOT, write_frames
from packaging.requirements import Requirement

import mmaction
import projects.cast
from mmaction.registry import MODELS, TRANSFORMS
from projects.cast import models
from projects.cast.models import layers

PAGES = sorted(path for pattern in ('*.md', 'docs/*.md', 'data/README.md', 'tools/**/*.md', 'configs/**/*.md')
               for path in ROOT.glob(pattern))
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
EXAMPLES = ('README.md', 'CONTRIBUTING.md', 'docs/architecture.md', 'docs/sound.md', 'docs/xvit.md')
OTHERS = {'configs/cast/my_data.py', 'projects/cast/label_maps'}  # the reader's own; a former one
PATH = r'(?<![\w./-])((?:tools|configs|docs|tests|projects|requirements)/[\w./*-]*\w)'
COMMAND = r'\s*((?:[A-Z_]+=\S* )*)(?:python )?(tools/[\w/]+\.(?:py|sh))(.*)'


def blocks(page, language):
    """The code blocks of a page that begin at line start."""
    return re.findall(rf'^```{language}\n(.*?)^```', page.read_text(), re.M | re.S)


def slugs(page):
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r'^#+ (.+)$', re.sub(r'^```.*?^```', '', page.read_text(), flags=re.M | re.S), re.M)
    return {re.sub(r'[^\w\- ]', '', title.lower()).replace(' ', '-') for title in titles}


@pytest.mark.parametrize('page', PAGES, ids=NAMES)
def test_links_lead_somewhere(page):
    text = re.sub(r'^```.*?^```', '', page.read_text(), flags=re.M | re.S)
    for link in re.findall(r'\]\(([^)\s]+)\)', text):
        if not re.match(r'https?:', link):
            path, _, anchor = link.partition('#')
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), f'{link} is not there'
            assert not anchor or anchor in slugs(target), f'{link} has no such heading'


@pytest.mark.parametrize('page', PAGES, ids=NAMES)
def test_paths_are_there(page):
    """Those below the root, wherever they are written; what has capitals is a placeholder."""
    text = page.read_text()
    for path in re.findall(PATH, text):
        if path not in OTHERS and not re.search('[A-Z]{3}', Path(path).stem.replace('README', '')):
            assert '*' in path or (ROOT / path).exists(), f'{path} is not there'
    assert not re.search(r'(?<![\w.])/(work|tmp|home|root|mnt)/', text)


def options_of(tool, arguments):
    """The options that a tool's parser knows, by its source, what it shares, and MMAction2's tool."""
    source = ROOT / tool
    behind = re.fullmatch(r'tools/(?:dist_|slurm_)?(train|test)\.(?:py|sh)', tool)
    name = arguments[0] if tool == 'tools/host.py' else behind and f'{behind[1]}.py'
    if name:
        source = Path(mmaction.__file__).parent / '.mim/tools' / name
    text = source.read_text()
    text += ''.join(path.read_text() for path in source.parent.parent.glob('_*.py')
                    if f'from {path.stem} import' in text)
    known = set(re.findall(r"""add_argument\(\s*(?:'-\w', )?['"](--[\w-]+)""", text))
    names = re.search(r'for name in \((.*?)\)', text) if "f'--{name}'" in text else None
    return known | {f'--{name}' for name in re.findall(r"'(\w+)'", names[1] if names else '')}


def commands(page):
    """Command lines: those of shell blocks, and those between backticks."""
    text = '\n'.join(blocks(page, 'shell'))
    rest = re.sub(r'^```.*?^```', '', page.read_text(), flags=re.M | re.S)
    lines = [*text.replace('\\\n', ' ').splitlines(), *re.findall(r'`([^`\n]+)`', rest)]
    for line in lines:
        found = re.match(COMMAND, line.split('  #')[0])
        if found:
            yield found[1].split(), found[2], found[3].split()


@pytest.mark.parametrize('page', PAGES, ids=NAMES)
def test_command_lines_have_options_that_the_tools_know(page):
    for variables, tool, arguments in commands(page):
        assert (ROOT / tool).is_file(), tool
        options = {a.strip('[]').split('=')[0] for a in arguments if a.lstrip('[').startswith('--')}
        assert not options or options <= options_of(tool, arguments), f'{tool} {" ".join(arguments)}'
        scripts = (ROOT / tool).read_text() + (ROOT / 'tools/_launch.py').read_text()
        assert all(variable.split('=')[0] in scripts for variable in variables), f'{variables} {tool}'
        configs = [argument for argument in arguments if re.match('configs/.*py$', argument)]
        assert all((ROOT / config).is_file() or config in OTHERS or 'ROW' in config for config in configs)


def test_the_checks_above_find_faults(tmp_path):
    page = tmp_path / 'page.md'
    page.write_text('[a](nothing.md) [b](#none)\n`tools/nothing.py`\n```shell\n'
                    'X=1 tools/dist_train.sh C 8 \\\n  --resum\n'
                    'python tools/train.py C --resume   # --nothing\n```\n')
    for check in (test_links_lead_somewhere, test_paths_are_there,
                  test_command_lines_have_options_that_the_tools_know):
        with pytest.raises(AssertionError):
            check(page)
    *_, (variables, tool, arguments) = commands(page)
    assert tool == 'tools/nothing.py' and variables == arguments == []
    assert [c[2] for c in commands(page)][:2] == [['C', '8', '--resum'], ['C', '--resume']]


def test_the_index_has_all_pages():
    listed = set(re.findall(r'\]\(([\w.]+)\)', (ROOT / 'docs/README.md').read_text()))
    assert {path.name for path in ROOT.glob('docs/*.md')} - {'README.md'} | {'tour.py'} <= listed


def test_the_page_of_commands_has_all_tools():
    text = (ROOT / 'docs/tools.md').read_text() + ''.join(p.read_text() for p in ROOT.glob('tools/**/*.md'))
    text += (ROOT / 'docs/zoo.md').read_text() + (ROOT / 'docs/distributed.md').read_text()
    scripts = [path for path in ROOT.glob('tools/**/*.py') if "__name__ == '__main__'" in path.read_text()]
    tools = [path for path in scripts if path.name[0] != '_'] + list(ROOT.glob('tools/**/*.sh'))
    missing = {str(path.relative_to(ROOT)) for path in tools if path.name not in text}
    assert not missing and len(tools) > 20


def test_equations_are_where_the_page_says():
    """Each name of a row is defined in the file, or below the folder, that the row links to."""
    page = ROOT / 'docs/equations.md'
    count = 0
    for row in page.read_text().splitlines():
        links = [(page.parent / link).resolve() for link in re.findall(r'\]\((\.\./projects[^)]+)\)', row)]
        for name, method in re.findall(r'`(\w+)\b(?:\.(\w+))?[^`]*`', row.split('|')[3] if links else ''):
            thing = getattr(models, name, None) or getattr(layers, name)
            if isinstance(thing, dict):
                continue
            file = Path(inspect.getsourcefile(getattr(thing, method) if method else thing))
            count += 1
            assert any(file.is_relative_to(link) for link in links), f'{name}.{method} is in {file}'
    assert count > 15


def test_former_names():
    """What the pages call the same is the same, and moved modules are where the changelog says."""
    page = (ROOT / 'docs/architecture.md').read_text()
    table = page.split('## Former names')[1]
    pairs = re.findall(r'^\| `(\w+)`(?:, `(\w+)`)? \| `(\w+)`(?:, `(\w+)`)? \|$', table, re.M)
    assert len(pairs) == 5
    for old, old2, new, new2 in pairs:
        for a, b in ((old, new), (old2, new2)):
            registry = MODELS if not a or MODELS.get(a) else TRANSFORMS
            assert not a or registry.get(a) is registry.get(b) is not None
    text = (ROOT / 'CHANGELOG.md').read_text()
    moved = re.findall(r'^  \| (`projects.+) \| `(projects[\w.]+)` \|$', text, re.M)
    assert len(moved) > 10
    for old, new in moved:
        assert importlib.import_module(new)
        for name in re.findall(r'`([\w.]+)`', old):
            with pytest.raises(ImportError):
                importlib.import_module(name)
    assert re.search(r'^## \[([\d.]+)\]', text, re.M)[1] == projects.cast.__version__
    rooms = re.findall(r'^\| `([\w/]+)` \|', page.split('## Four ideas')[0], re.M)
    package = ROOT / 'projects/cast'
    assert set(rooms) == {str(p.parent.relative_to(package)) for p in package.glob('*/**/__init__.py')}


def test_citation_and_workflow():
    citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text())
    paper = citation['preferred-citation']
    assert citation['cff-version'] == '1.2.0' and citation['version'] == projects.cast.__version__
    assert [author['family-names'] for author in paper['authors']] == ['Lee', 'Lee', 'Choi']
    assert paper['identifiers'][0]['value'] == 'arXiv:2311.18825' and paper['year'] == 2023
    assert paper['title'] in (ROOT / 'README.md').read_text()
    workflow = yaml.safe_load((ROOT / '.github/workflows/ci.yml').read_text())
    steps = workflow['jobs']['test']['steps']
    assert [step['run'] for step in steps if 'run' in step] == ['.ci/run']
    assert os.access(ROOT / '.ci/run', os.X_OK)


def test_examples_are_short():
    first = blocks(ROOT / 'README.md', 'python')[0]
    assert len((ROOT / 'README.md').read_text().splitlines()) <= 160 and len(first.splitlines()) <= 15
    for block in blocks(ROOT / 'CONTRIBUTING.md', 'python'):
        lines = [line for line in block.splitlines() if line.strip()]
        assert len(lines) <= 30 and max(map(len, lines)) <= 110


RUN = '''
import json, runpy, sys
for name, code in json.load(sys.stdin):
    print(f'== {name}', flush=True)
    exec(compile(code, name, 'exec'), {'__name__': '__main__'})
'''


@pytest.fixture(scope='module')
def printed(tmp_path_factory):
    """What each example prints. All run in one new process, as importing takes long, the README's first."""
    code = [(f'{name} {i}', block) for name in EXAMPLES
            for i, block in enumerate(blocks(ROOT / name, 'python')) if block.startswith('import ')]
    code.append(('docs/tour.py', (ROOT / 'docs/tour.py').read_text()))
    folder = tmp_path_factory.mktemp('examples')
    write_frames(folder / 'data/own/a.mp4', [i / 25 for i in range(20)])
    (folder / 'data/own/train.json').write_text('[{"file": "a.mp4", "labels": {"verb": 0, "tool": 1}}]')
    result = subprocess.run([sys.executable, '-c', RUN], cwd=folder, env=ENV, input=json.dumps(code),
                            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=240)
    assert result.returncode == 0, result.stdout[-3000:]
    return dict(part.split('\n', 1) for part in result.stdout.split('== ')[1:])


def test_the_readmes_example(printed):
    expected = re.search(r'^# (\{.*\})$', blocks(ROOT / 'README.md', 'python')[0], re.M)[1]
    assert printed['README.md 0'].strip() == expected


def test_the_contributors_examples(printed):
    assert 'CONTRIBUTING.md 0' in printed  # takes a step of training, and prints nothing
    assert printed['CONTRIBUTING.md 1'].strip() == 'torch.Size([1, 32])'
    assert printed['CONTRIBUTING.md 2'].strip() == "torch.Size([1, 3, 16, 224, 224]) {'verb': 0, 'tool': 1}"


def test_the_architectures_examples(printed):
    three, alone = (text for name, text in printed.items() if 'architecture' in name)
    assert three.startswith('tensor([ True, False])')
    assert all(f'loss_{task}' in three for task in ('verb', 'noun', 'tool'))
    assert alone.count('grad_fn') == 2


def test_the_example_with_sound(printed):
    expected = re.findall(r'^# (\{.*\})$', blocks(ROOT / 'docs/sound.md', 'python')[0], re.M)
    assert printed['docs/sound.md 0'].strip().splitlines() == expected and len(expected) == 2


def test_the_tour(printed):
    """T2S carries a change along time at its place, S2T across space in its frame."""
    _, t2s, s2t = re.split(r'^\w2\w:.*\n', printed['docs/tour.py'], flags=re.M)
    assert t2s.splitlines()[:4] == ['    ....   ....   ....   ....', '    .#..   .#..   .#..   .#..',
                                    *['    ....   ....   ....   ....'] * 2]
    assert s2t.splitlines()[:4] == ['    ....   ####   ....   ....'] * 4
    assert "added by a new exchange: {'spatial': 0.0, 'temporal': 0.0}" in printed['docs/tour.py']


def test_minor18_the_figure_shows_what_both_attentions_read(monkeypatch):
    """Query and context go into T2S and S2T, one result comes out of each."""
    arrows, boxes = [], {}
    monkeypatch.setattr(matplotlib.axes.Axes, 'annotate',
                        lambda self, text, end, start, **_: arrows.append((start, end)))
    monkeypatch.setattr(matplotlib.axes.Axes, 'text',
                        lambda self, x, y, text, **_: boxes.update({text[:3]: (x, y)}))
    monkeypatch.setattr(matplotlib.figure.Figure, 'savefig', lambda *_, **__: None)
    runpy.run_path(str(ROOT / 'docs/figure.py'))
    for name, into in (('T2S', -1), ('S2T', 1)):
        x, y = boxes[name]

        def touches(point, x=x, y=y):
            return abs(point[0] - x) <= 1.1 and abs(point[1] - y) <= 0.45

        incoming = [start for start, end in arrows if touches(end)]
        outgoing = [end for start, end in arrows if touches(start)]
        assert sorted(point[0] < 6.5 for point in incoming) == [False, True]  # one from either expert
        assert len(outgoing) == 1 and (outgoing[0][0] - x) * into > 0


def test_no_texts_overlap_in_the_figure_of_sound(monkeypatch):
    monkeypatch.setattr(matplotlib.figure.Figure, 'savefig', lambda *_, **__: None)
    drawn = runpy.run_path(str(ROOT / 'docs/figure_sound.py'))
    renderer, page = drawn['fig'].canvas.get_renderer(), drawn['fig'].bbox
    boxes = [text.get_window_extent(renderer) for text in drawn['ax'].texts if text.get_text()]
    assert len(boxes) > 60 and all(0 <= b.x0 < b.x1 <= page.x1 and 0 <= b.y0 < b.y1 <= page.y1 for b in boxes)
    assert not any(b.overlaps(other) for i, b in enumerate(boxes) for other in boxes[:i])


def test_the_figure_of_windows_shows_what_the_paper_says():
    """Figure 10: along time at one place, across the frame, or everything."""
    seen = runpy.run_path(str(ROOT / 'docs/figure_windows.py'))['seen_by']
    t, y, x = 1, 2, 1  # the token that asks
    assert seen['time'][:, y, x].all() and seen['time'].sum() == 4
    assert seen['space'][t].all() and seen['space'].sum() == 25
    assert seen['space-time'].all() and len(seen) == 3


def test_N7_what_is_installed_meets_the_requirements():
    """Extras included; where the next major version is known to break there is a bound from above."""
    needs = [Requirement(text) for text in requires('cast-mmaction2')]
    wanted = [need for need in needs if need.marker is None or any(
        need.marker.evaluate({'extra': extra}) for extra in ('mmcv', 'tests'))]
    assert len(wanted) > 12
    for need in wanted:
        assert need.specifier.contains(version(need.name), prereleases=True), str(need)
    bounds = {need.name: str(need.specifier) for need in needs}
    assert '<4' in bounds['open_clip_torch'] and '<82' in bounds['setuptools']
    assert Requirement(f'numpy{bounds["numpy"]}').specifier.contains('2.4')
    assert "'setuptools>=70,<82'" in (ROOT / 'docs/versions.md').read_text()  # as openmim needs it
