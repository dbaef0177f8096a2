"""Predictions on real videos, where they are at hand (they may not be redistributed)."""
from pathlib import Path

import pytest
import torch
from conftest import ROOT
from mmengine import Config
from test_configs import MAIN, shrink

from mmaction.apis import inference_recognizer, init_recognizer

VIDEOS = sorted((ROOT.parent / 'shared/data/videos').glob('*.mp4'))


@pytest.mark.skipif(not VIDEOS, reason='the real videos are not on this machine')
@pytest.mark.parametrize('path', MAIN, ids=lambda p: p.stem)
def test_inference(path: Path):
    cfg = Config.fromfile(path)
    cfg.model = shrink(cfg.model, 24, 2, 2)
    torch.manual_seed(0)
    model = init_recognizer(cfg, device='cpu')
    for video in VIDEOS:
        score = inference_recognizer(model, str(video)).pred_score
        for s in score.values() if isinstance(score, dict) else [score]:
            assert s.isfinite().all()
            torch.testing.assert_close(s.sum(), torch.tensor(1.))
