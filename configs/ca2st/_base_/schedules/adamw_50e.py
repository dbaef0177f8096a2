# The schedule of the authors' notebooks on EPIC-SOUNDS and VGGSound, in so far as it differs from CAST's.
# lr = 5e-4 x total batch / 256. The total batch is GPUs x clips x accumulative_counts = 16 x 6 x 2 = 192:
# clips and counts are those of a notebook, and the number of GPUs is that of the program's README.
# The cosine ends at 1e-6 x total batch / 256.
_base_ = '../../../cast/_base_/schedules/adamw_50e.py'

optim_wrapper = dict(
    optimizer=dict(lr=5e-4 * 192 / 256),
    paramwise_cfg=dict(
        layer_decay_rate=0.8,
        # Quirk of the program: it decays the tables of the exchanges with sound that its list does not name.
        custom_keys={
            'tables.query_pos.time': dict(decay_mult=1.),
            'tables.context_pos.time': dict(decay_mult=1.)}),
    accumulative_counts=2)
warmup, cosine = _base_.param_scheduler
param_scheduler = [warmup, dict(cosine, eta_min_ratio=2e-3)]
