"""Prints what a model sees in a video.

    python tools/demo.py VIDEO CONFIG [CHECKPOINT] [--device cuda:0] [--topk 5] [--label-map ...]
"""
import argparse
import os
from typing import Dict, List, Optional, Tuple

import torch
from mmengine import Config, DictAction

from mmaction.apis import inference_recognizer, init_recognizer
from mmaction.utils import register_all_modules
from projects.cast.datasets import read_label_map

Names = Dict[str, Optional[List[str]]]
Ranking = List[Tuple[str, float]]


def rank_classes(score: torch.Tensor, names: Optional[List[str]], topk: int) -> Ranking:
    """The best classes and their probabilities."""
    values, indices = score.float().topk(min(topk, len(score)))
    return [(names[i] if names else str(i), value)
            for value, i in zip(values.tolist(), indices.tolist())]


def rankings(pred_score, names: Names, topk: int) -> Dict[str, Ranking]:
    """Task to ranking; for verb and noun scores also actions, by p(verb) * p(noun).

    Raises:
        ValueError: if a label map has another number of classes than the model.
    """
    scores = pred_score if isinstance(pred_score, dict) else {'action': pred_score}
    for task, score in scores.items():
        have = names.get(task)
        if have and len(have) != len(score):
            raise ValueError(f'the label map for {task} has {len(have)} names, but the model has '
                             f'{len(score)} classes; give the right one with --label-map')
    result = {task: rank_classes(s, names.get(task), topk) for task, s in scores.items()}
    if isinstance(pred_score, dict):
        (verb, noun) = scores.values()
        verbs, nouns = ([*(names.get(task) or map(str, range(len(s))))] for task, s in scores.items())
        pairs = [f'{v} {n}' for v in verbs for n in nouns]
        result['action'] = rank_classes(torch.outer(verb, noun).flatten(), pairs, topk)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('video', help='a video file')
    parser.add_argument('config', help='a config file')
    parser.add_argument('checkpoint', nargs='?', help='weights; random ones without')
    parser.add_argument('--device', default='cuda:0' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--topk', type=int, default=5)
    parser.add_argument('--label-map', nargs='+', metavar='NAME',
                        help='label map(s) instead of the config\'s: files or shipped names; for '
                        'verb and noun two, in this order')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='as in tools/test.py')
    args = parser.parse_args()
    if not os.path.isfile(args.video):
        parser.error(f'{args.video}: no such video')

    register_all_modules()
    config = Config.fromfile(args.config)
    config.merge_from_dict(args.cfg_options or {})
    model = init_recognizer(config, args.checkpoint, device=args.device)
    if args.checkpoint is None:
        print('No checkpoint: weights and scores are random; this only shows that the pipeline works.')

    label_map = config.get('label_map', {})
    label_map = label_map if isinstance(label_map, dict) else {'action': label_map}
    if args.label_map:
        tasks = ('verb', 'noun') if len(args.label_map) == 2 else ('action', )
        label_map = dict(zip(tasks, args.label_map))
    names = {task: read_label_map(name) for task, name in label_map.items()}

    result = inference_recognizer(model, args.video)
    for task, ranking in rankings(result.pred_score, names, args.topk).items():
        print(f'\n{task}')
        for name, value in ranking:
            print(f'  {100 * value:5.1f} %  {name}')


if __name__ == '__main__':
    main()
