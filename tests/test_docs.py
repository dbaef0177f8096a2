"""What the documents and the packaging say."""
import runpy
from importlib.metadata import requires, version

import matplotlib.axes
import matplotlib.figure
from conftest import ROOT
from packaging.requirements import Requirement


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
