# How samples are drawn and batched, for every data set.
loader = dict(batch_size=6, num_workers=8, persistent_workers=True, pin_memory=True)
ordered = dict(sampler=dict(type='DefaultSampler', shuffle=False), dataset=dict(test_mode=True))
train_dataloader = dict(drop_last=True, sampler=dict(type='SeededSampler', shuffle=True), **loader)
val_dataloader = dict(**ordered, **loader)
test_dataloader = dict(**ordered, **{**loader, 'batch_size': 1})
