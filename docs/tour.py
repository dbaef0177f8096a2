# %% [markdown]
# # A tour of CAST
#
# Run this file cell by cell in an editor that knows `# %%`, or as a whole: `python docs/tour.py`. It builds
# a tiny model with random weights, needs no files, and shows what the parts of the package do to a clip.

# %%
import torch

import projects.cast  # noqa: F401  registers all modules with MMAction2
from mmaction.registry import MODELS
from projects.cast.models import WINDOWS

torch.manual_seed(0)
size = dict(img_size=64, num_frames=8, embed_dims=32, depth=2, num_heads=4)
model = MODELS.build(dict(
    type='MultiExpertViT',
    experts=dict(spatial=dict(type='CLIPExpert', **size), temporal=dict(type='VideoMAEExpert', **size)),
    exchanges=dict(b_cast=dict(
        type='BCAST', receivers=dict(spatial='time', temporal='space'), bottleneck_dims=16, num_heads=4))))
model.eval()
clip = torch.randn(1, 3, 8, 64, 64)  # one clip: 3 colours, 8 frames of 64 x 64 pixels

# %% [markdown]
# ## Tokens
#
# Each expert turns the clip into its own tokens. The spatial expert looks at every second frame, and has a
# class token in each; the temporal expert cuts the clip into tubes of two frames. Both use a grid of 4
# positions in time and 4 x 4 places, which is why they can exchange information token by token.

# %%
x = {name: expert.embed(clip) for name, expert in model.experts.items()}
for name, tokens in x.items():
    print(f'{name}: data {tuple(tokens.data.shape)}, grid {tokens.grid}, class tokens {tokens.num_prefix}')

# %% [markdown]
# ## Windows
#
# A window says along which axes of the grid a token looks. The other axes are folded into the batch, so that
# no token looks across them. The patterns are those of einops: b is the batch, t time, s space and d the
# width.

# %%
for name, window in WINDOWS.items():
    print(f'{name:10} (b t s d) -> {window.fold}')

# %% [markdown]
# ## A new model computes what its experts compute
#
# An exchange returns what it adds to each stream. Its last layer is initialised to zero, so that a new model
# computes exactly what its experts compute alone. To show what a trained exchange does, we give that layer
# random weights.

# %%
exchange = model.exchanges_at(0)['b_cast']
with torch.no_grad():
    print('added by a new exchange:', {name: phi.abs().max().item() for name, phi in exchange(x).items()})
    for up in exchange.up.values():
        torch.nn.init.normal_(up.weight)
    print('shapes of what it adds: ', {name: tuple(phi.shape) for name, phi in exchange(x).items()})


# %% [markdown]
# ## What one exchange passes on
#
# We change a single patch of one stream, and see which patches of the other stream receive something else.
# In the maps, every square is a position in time, and `#` marks a patch for which the message has changed.

# %%
@torch.no_grad()
def show(sender, receiver, t=1, place=5):
    """Prints and returns where the receiver's message changes when one patch of the sender does."""
    data = x[sender].data.clone()
    data[0, t, x[sender].num_prefix + place] += 1 + torch.randn(data.shape[-1])
    streams = x, {**x, sender: x[sender].replace(data)}
    before, after = (exchange(s)[receiver] for s in streams)
    changed = (before - after).abs().amax(-1)[0, :, x[receiver].num_prefix:] > 1e-6
    changed = changed.unflatten(1, x[receiver].grid[1:])
    for row in range(4):
        print('   ', '   '.join(''.join('.#'[int(c)] for c in frame[row]) for frame in changed))
    return changed


# %% [markdown]
# T2S: the spatial expert asks each place what happens there over time. A change of the temporal stream at
# one place reaches this place at all times, and no other place.

# %%
print('T2S: one patch of the temporal stream changes at time 1')
t2s = show('temporal', 'spatial')

# %% [markdown]
# S2T: the temporal expert asks each frame what can be seen in it. A change of the spatial stream in one
# frame reaches all places of this frame, and no other frame.

# %%
print('S2T: one patch of the spatial stream changes at time 1')
s2t = show('spatial', 'temporal')

# %% [markdown]
# ## The whole model
#
# A block consists of the self-attention of both experts, the exchange, and the feed-forward layers of both.
# CAST has twelve such blocks. It returns one feature per expert; the head reads verbs from the temporal and
# nouns from the spatial feature.

# %%
with torch.no_grad():
    print({name: tuple(feature.shape) for name, feature in model(clip).items()})
learned = sum(p.numel() for p in model.parameters() if p.requires_grad)
total = sum(p.numel() for p in model.parameters())
print(f'{learned} of {total} parameters are learned; the towers are frozen')
