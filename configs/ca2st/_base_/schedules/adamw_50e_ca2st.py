# In CA2ST, audio's tables over space are decayed as well. In CAVA they are not, as their name is on the list.
_base_ = 'adamw_50e.py'

optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys={
            'attn.audio.tables.query_pos.space': dict(decay_mult=1.),
            'spatial_audio.attn.spatial.tables.context_pos.space': dict(decay_mult=1.),
            'temporal_audio.attn.temporal.tables.context_pos.space': dict(decay_mult=1.)}))
