# Fine-tunes CAST on your own videos, each with any number of labels; docs/own_data.md explains it.
_base_ = 'example_own_data.py'
from projects.cast.engine import derive

dataset = dict(multi_class=True)  # the column `labels` has class indices, separated by semicolons
evaluator = dict(metric_list='mean_average_precision')

locals().update(derive(
    _base_,
    train_dataloader=dict(dataset=dataset),
    val_dataloader=dict(dataset=dataset),
    test_dataloader=dict(dataset=dataset),
    model=dict(cls_head=dict(
        multi_class=True, label_smooth_eps=0., loss_cls=dict(type='BCELossWithLogits'))),
    val_evaluator=evaluator,
    test_evaluator=evaluator,
    default_hooks=dict(checkpoint=dict(save_best='acc/mean_average_precision'))))
