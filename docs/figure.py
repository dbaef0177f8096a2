"""Draws docs/cast.png: the block of CAST as this package computes it."""
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


fig, ax = plt.subplots(figsize=(12.5, 6.2))
ax.set(xlim=(0, 10), ylim=(0, 7.4))
ax.axis('off')
box(ax, 5, 0.4, 'clip: 16 frames', GREY, 2.2)
for x, name, embed, colour, pool, head in [
    (1.9, 'spatial expert\n(CLIP)', 'every 2nd frame → patches', BLUE, 'class tokens, mean over time', 'nouns'),
    (8.1, 'temporal expert\n(VideoMAE)', 'tubes of 2 frames', GREEN, 'mean over all tokens', 'verbs')]:
    heights = [1.4, 2.5, 3.6, 4.7, 5.8, 6.8]
    texts = [embed, 'self-attention + adapter\n(eq. 3)', '+  (eq. 4)', 'feed-forward + adapter\n(eq. 5)', pool,
             head]
    for y, text in zip(heights, texts):
        box(ax, x, y, text, GREY if y in (1.4, 5.8, 6.8) else colour, 3.0, 0.7)
    for low, high in zip(heights, heights[1:]):
        arrow(ax, (x, low + 0.38), (x, high - 0.38))
    arrow(ax, (5 + (x - 5) * 0.3, 0.6), (x, 1.02))
    ax.text(x + (-1.75 if x < 5 else 1.75), 3.6, name, rotation=90, ha='center', va='center', fontsize=10)
box(ax, 5, 4.05, 'T2S: each place looks along time', RED, 2.8, 0.55)
box(ax, 5, 3.15, 'S2T: each frame looks across space', RED, 2.8, 0.55)
ax.text(5, 4.75, 'B-CAST (eq. 7, 8): down to 384,\nattend, up', ha='center', va='center', fontsize=10)
for x, sign in ((3.45, 1), (6.55, -1)):
    arrow(ax, (x, 2.7), (x + 0.12 * sign, 3.1), connectionstyle=f'arc3,rad={-0.2 * sign}')
arrow(ax, (3.58, 4.0), (3.42, 3.72))
arrow(ax, (6.42, 3.2), (6.58, 3.55))
ax.text(5, 2.0, '× 12 blocks; experts frozen, the rest learns\n(217 M parameters, 45 M of them learned)', ha='center', fontsize=10)
ax.text(5, 6.3, 'one label: both features\nadapted, added, classified (eq. 6)', ha='center', va='center', fontsize=10)
fig.savefig(Path(__file__).with_name('cast.png'), dpi=110, bbox_inches='tight')
