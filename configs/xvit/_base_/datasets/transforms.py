# The frames, the augmentation and the views of X-ViT. The other files in this folder put them between the
# first and the last transforms of CAST's pipelines.
sampler = dict(type='XViTClips', clip_len=16)
jitter = [
    dict(type='ClipRandAugment', policy='v0', interpolation='random'),  # AutoAugment
    dict(type='RandomRescale', scale_range=(256, 320)),
    dict(type='RandomCrop', size=224)
]
flip = dict(type='Flip', flip_ratio=0.5)
erase = dict(  # with the mean, as 0 is after normalisation
    type='ClipRandomErasing',
    prob=0.5,
    min_area=0.02,
    max_area=1 / 3,
    min_aspect=0.3,
    mode='const',
    mean=(127.5, 127.5, 127.5),
    std=(127.5, 127.5, 127.5))
one_crop = [dict(type='Resize', scale=(-1, 224)), dict(type='EqualCrops', crop_size=224, num_crops=1)]
three_crops = [one_crop[0], dict(one_crop[1], num_crops=3)]
