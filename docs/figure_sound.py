"""Draws docs/sound.png: how CA2ST turns sound into tokens, and what each of its exchanges sees."""
from pathlib import Path

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Circle, Rectangle

BLUE, GREEN, RED, GREY, LILAC = '#cfe0f5', '#d5ecd4', '#f8d7c9', '#ececec', '#e4daf3'
ASKS, SEEN, LINE, INK = '#b5311c', '#ee9478', '#444', '#5b3f8c'
RATE, ROWS, BINS, PATCH, STRIDE = 16000, 400, 128, 16, 10  # 400 rows are 4 s
COLUMNS, HEIGHT = ((n - PATCH) // STRIDE + 1 for n in (ROWS, BINS))
OF, ASKING = dict(S=BLUE, T=GREEN, A=LILAC), {(1, 1, 1): ASKS, (0, 1, 5): ASKS}  # the latter in A
LEFT, ROW = 16, 0.255  # where the axis of time begins, and the width of a row of the spectrogram


def make_sound():
    """A rising chirp with an overtone, then clicks."""
    t = np.arange(400 + 160 * (ROWS - 1)) / RATE
    phase = 2 * np.pi * 200 * 2.3 / np.log(20) * (20**(t / 2.3) - 1)  # from 200 Hz to 4 kHz in 2.3 s
    swell = np.sin(np.pi * np.minimum(t / 2.3, 1))
    since = np.where(t > 2.55, (t - 2.55) % 0.3, 9)  # seconds since the last click
    noise = np.random.default_rng(0).normal(size=(2, len(t)))
    chirp, clicks = swell * (np.sin(phase) + 0.4 * np.sin(2 * phase)), np.exp(-60 * since) * noise[0]
    return chirp + clicks + 0.001 * noise[1]


def log_mel(wave):
    """Kaldi's log-mel spectrogram: frames of 25 ms every 10 ms, 128 triangles from 20 Hz to 8 kHz."""
    frames = np.lib.stride_tricks.sliding_window_view(wave - wave.mean(), 400)[::160]
    frames = frames - frames.mean(1, keepdims=True)
    frames = frames - 0.97 * np.concatenate([frames[:, :1], frames[:, :-1]], 1)
    power = np.abs(np.fft.rfft(frames * np.hanning(400), 512))**2
    low, high, f = (1127 * np.log1p(hertz / 700) for hertz in (20, RATE / 2, np.arange(257) * RATE / 512))
    edges = np.linspace(low, high, BINS + 2)[:, None]
    triangles = np.minimum(f - edges[:-2], edges[2:] - f) / (edges[1] - edges[0])
    return np.log(np.maximum(power @ np.maximum(triangles, 0).T, 2**-23))


def text(x, y, words, **style):
    ax.text(x, y, words, **{'ha': 'center', 'va': 'center', 'fontsize': 10, 'linespacing': 1.2, **style})


def cell(x, y, width, height, colour, **style):
    ax.add_patch(Rectangle((x, y), width, height, **{'fc': colour, 'ec': 'white', 'lw': 0.6, **style}))


def circle(x, y):
    ax.add_patch(Circle((x, y), 0.6, fc='white', ec=LINE, lw=1))


def arrow(start, end, colour=LINE, **style):
    ax.annotate('', end, start, arrowprops=dict(arrowstyle='-|>', color=colour, shrinkB=0, **style))


def stream(x, y, expert, colours):
    """Draws a small stream, with other colours for some of its tokens (time, row, column)."""
    times, rows, columns = (1, 3, 13) if expert == 'A' else (4, 3, 3)
    for t, r, c in np.ndindex(times, rows, columns):
        cell(x + t * 4 + c * 1.15, y + r * 1.15, 1.15, 1.15, colours.get((t, r, c), OF[expert]))
    text(x - 1.5, y + 1.7, expert)
    for above in dict(S=(1.7, 5.7, 9.7, 13.7), A=(0.7, 2.3), T=())[expert]:
        circle(x + above, y + 4.3)


def panel(x, title, experts, words, seen, blocks):
    """Draws an exchange in both directions, and the blocks of CA2ST and of CAVA that have it."""
    cell(x, 0.5, 38.4, 32, '#fdf5f1', ec=RED, lw=1.5)
    text(x + 19.2, 30.6, title, weight='bold')
    for half, left in enumerate((x + 3, x + 21.3)):
        text(left + 7.4, 27, words[half])
        for k, y in enumerate((19, 11.8)):
            stream(left, y, experts[k], ASKING if k == half else seen[half])
    into = left + (5.7 if experts == 'ST' else 6.3)
    arrow((into, 18.7), (into, 14.2), ASKS, lw=1.4)
    for start in (1.7, 5.7, 9.7, 13.7) if experts == 'ST' else (7.4, ):
        arrow((x + 3 + start, 14.2 if experts == 'ST' else 15.5), (x + 8.7, 20.1), ASKS, lw=1.4)
    text(x + 23.1, 9.5, 'blocks 1 to 12')
    for y, name, present in zip((6.2, 3.2), ('CA²ST', 'CAVA'), blocks):
        text(x + 1.5, y + 0.9, name, ha='left')
        for i in range(12):
            cell(x + 9 + 2.35 * i, y, 2.35, 1.8, ASKS if i in present else GREY)


fig, ax = plt.subplots(figsize=(12, 10.7))
fig.subplots_adjust(0, 0, 1, 1)
ax.set(xlim=(0, 120), ylim=(0, 107), aspect='equal')
ax.axis('off')
wave = make_sound()
ax.plot(LEFT + np.arange(len(wave)) / 160 * ROW, 102.5 + 4 * wave / np.abs(wave).max(), color=INK, lw=0.4)
extent = LEFT, LEFT + ROWS * ROW, 81, 97
ax.imshow(log_mel(wave).T, 'Purples', aspect='auto', vmin=-8, origin='lower', extent=extent)
shades = plt.get_cmap('Purples')(np.linspace(0.15, 0.65, 8))
for c, h in np.ndindex(COLUMNS, HEIGHT):
    cell(LEFT + (c * STRIDE + 3) * ROW, 62 + h * 1.2, STRIDE * ROW, 1.2, shades[c // (COLUMNS // 8 + 1)])
for c, h in ((19, 3), (20, 3), (19, 4)):  # overlapping patches and their tokens
    cell(LEFT + c * STRIDE * ROW, 81 + h * STRIDE / 8, PATCH * ROW, PATCH / 8, 'none', ec=ASKS, lw=1.4)
    cell(LEFT + (c * STRIDE + 3) * ROW, 62 + h * 1.2, STRIDE * ROW, 1.2, 'none', ec=ASKS, lw=1.4)
arrow((LEFT + 200 * ROW, 84.4), (LEFT + 200 * ROW, 68.5), ASKS)
text(LEFT + 203 * ROW, 78.7, 'patches of 16 × 16, one every 10 rows and bins', ha='left')
circle(14, 67), circle(14, 71)
cell(LEFT, 52, ROWS * ROW, 3.4, RED, ec=LINE, lw=1)
text(67, 53.7, 'time encoding, in S&A and T&A: an MLP of the two times, added to all tokens above or below')
for k in range(8):
    x = LEFT + (k + 0.5) * 50 * ROW
    text(x, 59.7, f'{k / 2:g} s – {k / 2 + 0.5:g} s')
    arrow((x, 58.4), (x, 55.5))
    text(x, 47.7, f'{k / 2:g} s, {k / 2 + 0.25:g} s')
    arrow((x, 49), (x, 51.9))
    cell(x - 6.1, 42.8, 12.2, 3.2, BLUE, ec=LINE)
    cell(x - 6.1, 39.4, 12.2, 3.2, GREEN, ec=LINE)
    text(x, 44.4, f'frame {2 * k + 2}')
    text(x, 41, f'frames {2 * k + 1}, {2 * k + 2}')
for y, words in ((102.5, 'sound of 4 s'), (89, 'log-mel\nspectrogram:\n128 bins, a row\nevery 10 ms'),
                 (69, 'A: 12 × 39\ntokens and\n2 class\ntokens'), (59.7, 'eight parts'),
                 (47.7, 'pairs of frames'), (44.4, 'S: CLIP'), (41, 'T: VideoMAE')):
    text(0.8, y, words, ha='left')
text(0.8, 35.6, 'Who sees what:', ha='left')
for x, colour, words in ((17, ASKS, 'asks (query)'), (35, SEEN, 'is seen (key and value)'),
                         (62, None, 'class token: neither asks nor is seen')):
    circle(x, 35.6) if colour is None else cell(x - 0.8, 34.8, 1.6, 1.6, colour)
    text(x + 2, 35.6, words, ha='left')
panel(0.8, 'S&T, as in CAST', 'ST',
      ('T2S: each place\nlooks along time', 'S2T: each frame\nlooks across space'),
      ({(t, 1, 1): SEEN for t in range(4)}, {(1, r, c): SEEN for r, c in np.ndindex(3, 3)}), (range(12), ()))
for x, e, cava in ((40.8, 'S', range(12)), (80.8, 'T', ())):
    words = f'A2{e}: each patch\nhears all the sound', f'{e}2A: each audio token\nsees all patches'
    panel(x, f'{e}&A: everything sees everything', f'{e}A', words,
          [dict.fromkeys(np.ndindex(4, 3, 13), SEEN)] * 2, (range(9, 12), cava))
fig.savefig(Path(__file__).with_name('sound.png'), dpi=110)
