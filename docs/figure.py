"""Draws docs/cast.png, the block of CAST as this package computes it."""
from pathlib import Path

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch

BLUE, GREEN, RED, GREY = '#cfe0f5', '#d5ecd4', '#f8d7c9', '#ececec'


def box(ax, x, y, text, colour, width=2.5, height=0.62):
    ax.add_patch(FancyBboxPatch((x - width / 2, y - height / 2), width, height, fc=colour, ec='#444',
                                boxstyle='round,pad=0.02,rounding_size=0.1'))
    ax.text(x, y, text, ha='center', va='center', fontsize=10)


def arrow(ax, start, end, **style):
    ax.annotate('', end, start, arrowprops=dict(arrowstyle='-|>', color='#444', **style))


fig, ax = plt.subplots(figsize=(13.5, 6.2))
ax.set(xlim=(0, 13), ylim=(0, 7.4))
ax.axis('off')
box(ax, 6.5, 0.4, 'clip: 16 frames', GREY, 2.2)
for x, name, embed, colour, pool, head in [
    (1.9, 'spatial expert\n(CLIP)', 'every 2nd frame → patches', BLUE, 'class tokens, mean over time', 'nouns'),
    (11.1, 'temporal expert\n(VideoMAE)', 'tubes of 2 frames', GREEN, 'mean over all tokens', 'verbs')]:
    heights = [1.4, 2.5, 3.6, 4.7, 5.8, 6.8]
    texts = [embed, 'self-attention + adapter\n(eq. 3)', '+  (eq. 4)', 'feed-forward + adapter\n(eq. 5)', pool,
             head]
    for y, text in zip(heights, texts):
        box(ax, x, y, text, GREY if y in (1.4, 5.8, 6.8) else colour, 3.0, 0.7)
    for low, high in zip(heights, heights[1:]):
        arrow(ax, (x, low + 0.38), (x, high - 0.38))
    arrow(ax, (6.5 + (x - 6.5) * 0.2, 0.75), (x, 1.02))
    ax.text(x + (-1.85 if x < 6.5 else 1.85), 3.6, name, rotation=90, ha='center', va='center', fontsize=10)
for side, text in ((-1, 'T2S: each place\nlooks along time'), (1, 'S2T: each frame\nlooks across space')):
    def at(x, side=side):  # from the middle outwards
        return 6.5 + side * x
    box(ax, at(1.25), 3.6, text, RED, 2.0, 0.7)
    arrow(ax, (at(3.06), 2.6), (at(1.9), 3.22))  # query
    arrow(ax, (at(-3.06), 2.4), (at(0.6), 3.22), linestyle='--')  # context
    arrow(ax, (at(2.29), 3.6), (at(3.06), 3.6))
ax.text(6.5, 4.55, 'B-CAST (eq. 7, 8): down to 384, attend, up\n(solid: query; dashed: context)', ha='center', va='center',
        fontsize=10)
ax.text(6.5, 1.3, '× 12 blocks; experts frozen, the rest learns\n(217 M parameters, 45 M of them learned)', ha='center', fontsize=10)
ax.text(6.5, 6.3, 'one label: both features\nadapted, added, classified (eq. 6)', ha='center', va='center', fontsize=10)
fig.savefig(Path(__file__).with_name('cast.png'), dpi=110, bbox_inches='tight')
