"""The parts of the web page that show results: bars, timelines and maps of attention."""
import base64
import html
import sys
from pathlib import Path
from typing import Dict, List, Optional, Sequence

import cv2
import numpy as np
from _app_model import Attention, Prediction
from _timeline_files import Segment
from _timeline_page import row

sys.path.insert(0, str(Path(__file__).parent / 'analysis'))
from _attention_picture import highest, overlay, sized, tubes  # noqa: E402

STYLE = '''
.result { color: var(--body-text-color); line-height: 1.35; overflow-wrap: anywhere; }
.result h3 { margin: .2em 0 .6em; font-size: 1.05em; } .result h4 { margin: .9em 0 .3em; }
.result .note { margin: .3em 0; opacity: .8; font-size: .9em; }
.bar { display: grid; grid-template-columns: 1fr auto; gap: 0 1em; margin-bottom: .45em; }
.bar .value { font-variant-numeric: tabular-nums; white-space: nowrap; }
.bar i { grid-column: 1 / 3; height: .5em; border-radius: 2px; background: var(--color-accent); }
.bar i.muted { height: .3em; margin-top: 2px; background: #999; }
.row { margin: .5em 0; } .row b { display: block; font-weight: 600; }
.track { position: relative; height: 2.1em; cursor: pointer;
  overflow: hidden; background: #eee; }
.track span { position: absolute; color: #000; top: 0; bottom: 0; overflow: hidden; white-space: nowrap;
  padding: .35em .3em; box-sizing: border-box; border-right: 1px solid #fff; font-size: .85em;
  text-overflow: ellipsis; font-weight: 600; }
.now { position: absolute; top: 0; bottom: 0; width: 2px; background: #d00; z-index: 1;
  pointer-events: none; }
.strip { display: flex; flex-wrap: wrap; gap: 4px; }
.strip img { width: 104px; height: auto; margin: 0; border-radius: 2px; }
#status { min-height: 4.5em; } #status .pending { opacity: 0; }  /* below the progress */
.result.error { border-left: 4px solid #c00; padding: .4em .8em; background: #fdecea; color: #611; }
'''
# a click in a track moves the video there, and the line below it names what is done
SCRIPT = '''
const video = () => document.querySelector('#seen video');
function show(seconds) {
  const said = [];
  for (const track of element.querySelectorAll('.track')) {
    const at = 100 * seconds / track.dataset.end;
    track.querySelector('.now').style.left = Math.min(at, 100) + '%';
    const here = [...track.querySelectorAll('span')].filter(part => parseFloat(part.style.left) <= at).pop();
    if (here) said.push(track.dataset.track + ' ' + here.textContent);
  }
  const line = element.querySelector('.at');
  if (line) line.textContent = seconds.toFixed(1) + ' s: ' + said.join(', ');
}
element.addEventListener('click', event => {
  const track = event.target.closest('.track');
  if (!track) return;
  const box = track.getBoundingClientRect();
  const seconds = track.dataset.end * (event.clientX - box.left) / box.width;
  if (video()) video().currentTime = seconds;
  show(seconds);
});
document.addEventListener('timeupdate', event => {
  if (event.target === video()) show(event.target.currentTime);
}, true);
'''


def note(text: str) -> str:
    """Returns a remark."""
    return f'<p class="note">{html.escape(text)}</p>'


def message(text: str, error: bool = False) -> str:
    """Returns what the page says about the state of a request."""
    return f'<div class="result{" error" if error else ""}" role="status">{html.escape(text)}</div>'


def bars(title: str, found: Optional[Prediction], random: bool) -> str:
    """Returns the best classes of a model as bars, and below each the same class for the muted video."""
    parts = [f'<h3>{html.escape(title)}</h3>']
    if random:
        parts.append(note('No checkpoint: the weights are random, and so are the results.'))
    if found is None:
        parts.append(note('Its predictions appear here.'))
    elif found.no_sound:
        parts.append(note('This model listens, but the video has no sound; it heard padding instead.'))
    elif found.muted is not None:
        tops = ', '.join(f'{track} {ranking[0][0]} ({ranking[0][1]:.0%})'
                         for track, ranking in found.muted.items())
        parts.append(note('What the sound adds: the thin grey bars are for the same video without its '
                          f'sound. It would be: {tops}.'))
    for track, ranking in (found.best if found else {}).items():
        silent = dict(found.muted[track]) if found and found.muted else {}
        parts.append(f'<h4>{html.escape(track)}</h4>')
        parts += [bar(name, value, silent.get(name)) for name, value in ranking]
    return f'<div class="result bars">{"".join(parts)}</div>'


def bar(name: str, value: float, silent: Optional[float]) -> str:
    """Returns the bar of a class."""
    text, second = f'{100 * value:.1f} %', ''
    if silent is not None:
        text += f' (muted {100 * silent:.1f} %)'
        second = f'<i class="muted" style="width:{100 * silent:.2f}%"></i>'
    return (f'<div class="bar"><span class="name">{html.escape(name)}</span>'
            f'<span class="value">{text}</span><i style="width:{100 * value:.2f}%"></i>{second}</div>')


def timelines(tracks: Dict[str, Dict[str, List[Segment]]], window: float, stride: float, end: float) -> str:
    """Returns the tracks of each model, one below the other; :data:`SCRIPT` makes them jump."""
    parts = ['<h3>Labels over time</h3>', note(
        f'Windows of {window:g} s every {stride:g} s; pale where the model is unsure. A click jumps there.')]
    for title, model in tracks.items():
        if len(tracks) > 1:
            parts.append(f'<h4>{html.escape(title)}</h4>')
        parts += [row(track, segments, end) for track, segments in model.items()]
    return f'<div class="result">{"".join(parts)}<p class="at note">0.0 s</p></div>'


def attention(title: str, found: Optional[Attention]) -> str:
    """Returns the frames, and for each map the frames below it."""
    parts = [f'<h3>Where the experts look: {html.escape(title)}</h3>']
    if found is None:
        parts.append(note('Nothing to show: the model was exported, or no exchange joins experts that see.'))
    else:
        parts.append(note(f'Block {found.block}. Red patches receive more than the even share of attention, '
                          'blue ones less; grey ones receive the even share.'))
        frames = [sized(frame) for frame in tubes(found.frames, len(found.maps[0].mass))]
        parts.append(f'<h4>the frames</h4>{strip(frames)}')
        for m in found.maps:
            top = highest(m)
            images = [overlay(f, mass, top) for f, mass in zip(tubes(found.frames, len(m.mass)), m.mass)]
            parts.append(f'<h4>{html.escape(m.title)}; red: up to {top:.2g} times</h4>{strip(images)}')
    return f'<div class="result">{"".join(parts)}</div>'


def strip(images: Sequence[np.ndarray]) -> str:
    """Returns images in a row that wraps where it is too narrow."""
    return f'<div class="strip">{"".join(map(picture, images))}</div>'


def picture(image: np.ndarray) -> str:
    """Returns an image, RGB, as a part of the page."""
    data = cv2.imencode('.jpg', image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
    return f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(data).decode()}">'
