# The release's schedule on Something-Something-V2. lr = 0.03 for a total batch of 8 GPUs x 8 clips = 64 (the
# paper's text gives 0.05 for 128). For other numbers of GPUs, pass --auto-scale-lr, or keep the total with
# accumulative_counts (4 GPUs: optim_wrapper.accumulative_counts=2).
# The cosine takes all epochs. During the first 5, the rate is on the line from 0.003 to its value there.
max_epochs = 35

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_begin=1, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='OptimWrapper',  # bfloat16: BF16OptimWrapper; float16: --amp
    optimizer=dict(type='SGD', lr=0.03, momentum=0.9, nesterov=True, weight_decay=1e-4),
    paramwise_cfg=dict(  # everything is decayed but the biases of the classifier
        bias_decay_mult=0.,
        custom_keys={
            'backbone': dict(decay_mult=1.),
            'cls_head.temporal': dict(decay_mult=1.)}))
schedule = dict(
    type='WarmupCosineLR', begin=0, warmup=5, start_factor=0.1, by_epoch=True, convert_to_iter_based=True)
param_scheduler = [dict(schedule, end=max_epochs)]
auto_scale_lr = dict(enable=False, base_batch_size=64)
