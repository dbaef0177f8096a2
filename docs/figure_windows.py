"""Draws docs/windows.png: what a token sees in each attention window (figures 3 (c) and 10 of the paper).

The tokens that are seen are found by asking the package's own attention, through its gradient.
"""
from pathlib import Path

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.patches import Rectangle

from projects.cast.models.layers import WINDOWS, attention

GRID, ASKING = (4, 5, 5), (1, 2, 1)  # frames, rows and columns; the token that asks
USERS = {'time': 'T2S: the spatial expert asks',
         'space': 'S2T: the temporal expert asks; also self-attention in CLIP',
         'space-time': 'self-attention in VideoMAE'}
ASKS, SEEN, UNSEEN = '#b5311c', '#f2b5a0', '#ececec'


def seen(window):
    """Returns which tokens of the grid one token sees, (T, H, W)."""
    t, h, w = GRID
    q, k, v = torch.randn(3, 1, t, h * w, 4).unbind()
    v.requires_grad_()
    attention(q, k, v, num_heads=1, window=window)[0, ASKING[0], ASKING[1] * w + ASKING[2]].sum().backward()
    return (v.grad[0].abs().sum(-1) > 0).view(GRID).numpy()


seen_by = {window: seen(window) for window in WINDOWS}


def main():
    fig, ax = plt.subplots(figsize=(8.4, 1.75 * len(WINDOWS)), layout='constrained')
    ax.set(xlim=(-0.2, GRID[0] * 6.2), ylim=(len(WINDOWS) * 6.9, -0.4), aspect='equal')
    ax.axis('off')
    for row, window in enumerate(WINDOWS):
        top = 6.9 * row
        ax.text(0, top + 0.35, f'{window}    {USERS[window]}', fontsize=10, va='center')
        for place in np.ndindex(GRID):
            colour = ASKS if place == ASKING else SEEN if seen_by[window][place] else UNSEEN
            ax.add_patch(Rectangle((6.2 * place[0] + place[2], top + 1 + place[1]), 0.92, 0.92, fc=colour))
    for frame in range(GRID[0]):
        ax.text(6.2 * frame + 2.5, len(WINDOWS) * 6.9 - 0.4, f'frame {frame + 1}', ha='center', fontsize=9)
    fig.savefig(Path(__file__).with_name('windows.png'), dpi=110)


if __name__ == '__main__':
    main()
