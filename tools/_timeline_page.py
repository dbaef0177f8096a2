"""A page with a video and its timeline, which needs neither a server nor a network."""
import base64
import html
import json
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from _timeline_files import Rankings, Segment, colours

from projects.cast.datasets import MediaStream
from projects.cast.serving import encode

EMBEDDED = 20 * 2**20  # bytes below which the video is a part of the page

STYLE = '''
body { font: 15px/1.4 system-ui, sans-serif; margin: 1.5em auto; max-width: 60em; padding: 0 1em; }
video { display: block; width: 100%; max-height: 60vh; background: #000; }
.row { display: flex; align-items: center; margin: .4em 0; }
.row b { width: 5em; font-weight: 600; }
.track { position: relative; flex: 1; height: 2.2em; cursor: pointer; background: #eee; }
.track span { position: absolute; top: 0; bottom: 0; overflow: hidden; white-space: nowrap;
  padding: .4em .2em; box-sizing: border-box; border-right: 1px solid #fff; font-size: .8em; }
.now { position: absolute; top: 0; bottom: 0; width: 2px; background: #d00; pointer-events: none;
  z-index: 1; }
table { border-collapse: collapse; margin-top: 1em; } td, th { padding: .1em 1em .1em 0; text-align: left; }
'''
SCRIPT = '''
const data = JSON.parse(document.getElementById('data').textContent);
const video = document.querySelector('video'), tracks = [...document.querySelectorAll('.track')];
let time = 0;
function show(seconds) {
  time = Math.min(Math.max(seconds, 0), data.end);
  document.body.dataset.time = time.toFixed(2);
  for (const now of document.querySelectorAll('.now')) now.style.left = 100 * time / data.end + '%';
  const best = data.seconds[Math.min(Math.floor(time), data.seconds.length - 1)];
  document.getElementById('clock').textContent = time.toFixed(1) + ' s';
  const table = document.getElementById('best');
  table.replaceChildren(...Object.entries(best).flatMap(([track, ranking]) => ranking.map(([name, p], i) => {
    const row = document.createElement('tr');
    for (const text of [i ? '' : track, name, (100 * p).toFixed(1) + ' %'])
      row.appendChild(document.createElement('td')).textContent = text;
    return row;
  })));
}
function jump(seconds) { if (video) video.currentTime = seconds; show(seconds); }
for (const track of tracks) track.addEventListener('click', event => {
  const box = track.getBoundingClientRect();
  jump(data.end * (event.clientX - box.left) / box.width);
});
document.addEventListener('keydown', event => {
  if (video && document.activeElement === video) return;
  if (event.key === 'ArrowRight') jump(time + 1);
  if (event.key === 'ArrowLeft') jump(time - 1);
});
if (video) video.addEventListener('timeupdate', () => show(video.currentTime));
show(0);
'''


def write_page(path: Path, tracks: Dict[str, List[Segment]], seconds: Sequence[Rankings], end: float,
               title: str, video: Optional[Path]) -> None:
    """Writes the page, and, if it is large, the video beside it.

    Args:
        path: Page to write.
        tracks: Segments by track.
        seconds: Best classes of each second.
        end: Length in seconds.
        title: Its title.
        video: File to show; None leaves it out.
    """
    player = ''
    if video is not None:
        copy = path.with_name('video.mp4')
        encode(MediaStream(str(video), with_sound=True), str(copy))
        source = copy.name
        if copy.stat().st_size < EMBEDDED:
            source = f'data:video/mp4;base64,{base64.b64encode(copy.read_bytes()).decode()}'
            copy.unlink()
        player = f'<video controls playsinline src="{source}"></video>'
    rows = [row(track, parts, end) for track, parts in tracks.items()]
    content = json.dumps(dict(end=end, seconds=seconds)).replace('<', '\\u003c')
    path.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<style>{STYLE}</style><body><h1 style="font-size:1.1em">{html.escape(title)}</h1>{player}'
        f'{"".join(rows)}<p id="clock"></p><table id="best"></table>'
        f'<script type="application/json" id="data">{content}</script><script>{SCRIPT}</script>'
        '</body></html>\n', encoding='utf-8')


def row(track: str, parts: Sequence[Segment], end: float) -> str:
    """Returns a track with its name; ``data-end`` has the length of the video in seconds."""
    colour, name = colours([part.name for part in parts]), html.escape(track)
    spans = ''.join(span(part, colour[part.name], end) for part in parts)
    return (f'<div class="row"><b>{name}</b><div class="track" data-track="{name}" data-end="{end:.3f}">'
            f'<div class="now"></div>{spans}</div></div>')


def span(part: Segment, colour: str, end: float) -> str:
    """Returns a segment as a part of its track, pale where the model is unsure."""
    name, opacity = html.escape(part.name), round(70 + 130 * part.probability)  # black on it is legible
    left, width = 100 * part.start / end, 100 * (part.stop - part.start) / end
    return (f'<span style="left:{left:.3f}%;width:{width:.3f}%;background:{colour}{opacity:02x}" '
            f'title="{name}, {part.start:.1f} to {part.stop:.1f} s, {100 * part.probability:.0f} %">'
            f'{name}</span>')
