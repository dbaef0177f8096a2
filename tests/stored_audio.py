"""The stored instances of CA2ST and CAVA: their configs, weights and tensors."""
import ast

from safetensors import safe_open


def tiny(name):
    """The config of a stored instance."""
    cava, timed, tasks = name.startswith('cava'), name.endswith('time'), 'verb_noun' in name
    whole, block = 'space-time', dict(embed_dims=48, depth=2, num_heads=4)
    video = dict(img_size=32, patch_size=8, num_frames=8, **block)
    small = dict(bottleneck_dims=24, num_heads=4)
    sound = dict(type='TimedBCAST', **small) if timed else dict(type='BCAST', positions='factorized', **small)
    experts = dict(
        spatial=dict(type='CLIPExpert', post_norm_eps=1e-6 if cava else 1e-5, **video),
        temporal=dict(type='VideoMAEExpert', **video),
        audio=dict(type='ASTExpert', num_rows=64, num_mel_bins=32, **block))
    exchanges = dict(
        b_cast=dict(type='BCAST', between=('spatial', 'temporal'),
                    receivers=dict(spatial='time', temporal='space'), **small),
        **{f'{e}_audio': dict(between=(e, 'audio'), receivers={e: whole, 'audio': whole}, layers=[1], **sound)
           for e in ('spatial', 'temporal')})
    if cava:
        experts.pop('temporal')
        exchanges = dict(spatial_audio={**exchanges['spatial_audio'], 'layers': [0, 1]})
    pairs = ('spatial', 'audio')
    head = dict(
        type='AdaptedTaskHead', num_classes=dict(verb=97, noun=300),
        experts=dict(verb=pairs if cava else ('temporal', 'audio'), noun=pairs), share_adapters=cava,
    ) if tasks else dict(type='FusedHead', num_classes=11, experts=tuple(experts))
    return dict(
        type='CASTRecognizer',
        backbone=dict(
            type='TimedExpertViT' if timed else 'MultiExpertViT', experts=experts, exchanges=exchanges,
            combine='mean' if 'averaged' in name else 'sequence', order=tuple(exchanges),
            share_projections=tuple(experts) if 'shared' in name else (),
            **(dict(time_encoding=dict(audio_layout='time-major')) if timed else {})),
        cls_head=dict(in_channels=48, **(dict(skip=True) if cava else dict(quick_gelu=('audio', ))), **head))


def read(path):
    """Stored tensors and metadata."""
    with safe_open(path, 'pt') as file:
        stored = {key: file.get_tensor(key) for key in file.keys()}
        metadata = {key: ast.literal_eval(file.metadata().get(key, '1'))
                    for key in ('alias', 'no_grad', 'gradients_every')}
    return stored, metadata


def read_weights(stored, metadata):
    """The weights, those of shared modules under each of their names."""
    weights = {k[7:]: v for k, v in stored.items() if k.startswith('weight.')}
    return weights | {alias: weights[name] for alias, name in metadata['alias'].items()}
