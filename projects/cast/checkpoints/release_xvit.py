"""The names of our parameters in the checkpoints that the authors of X-ViT released."""
from .rename import Table

XVIT: Table = [  # release, ours
    ('base_model.', 'backbone.tower.'),
    ('consensus.cls_token', 'cls_head.temporal.cls_token'),
    ('consensus.temporal_encoder.', 'cls_head.temporal.blocks.'),
    ('consensus.mlp_head.{i}.', 'cls_head.fc_cls.{i}.'),  # one classifier of two layers
    ('new_fc.', None),  # reaches no output
]
