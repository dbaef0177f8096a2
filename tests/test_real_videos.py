"""Predictions on real videos, where they are at hand (they may not be redistributed)."""
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT, load_tool
from mmengine import Config
from mmengine.dataset import Compose
from test_configs import MAIN, shrink

from mmaction.apis import inference_recognizer, init_recognizer
from projects.cast.datasets import LoadSpectrogram, has_sound

VIDEOS = sorted((ROOT.parent / 'shared/data/videos').glob('*.mp4'))

pytestmark = pytest.mark.skipif(not VIDEOS, reason='the real videos are not on this machine')


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


def test_sound_of_a_real_file():
    """44.1 kHz MP3 in the video and 16 kHz PCM beside it sound alike; the other videos have no sound."""
    heard = [LoadSpectrogram(700, test_mode=True, template='{folder}/with_sound' + suffix).transform(
        dict(filename=str(VIDEOS[0]), num_clips=1, clip_len=4, frame_inds=np.arange(4), avg_fps=25.))
        for suffix in ('.avi', '.wav')]
    one, other = (results['audio'][0, 0] for results in heard)
    assert int((one != 0).any(1).sum()) == 654 == int((other != 0).any(1).sum())  # 6.557 s
    assert float((one - other).abs().median()) < 0.01
    assert float(torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1]) > 0.999
    assert not any(has_sound(str(video)) for video in VIDEOS)


def test_bf16_leaves_the_top_class_as_it_is():
    """At full size, one view a video; random weights, whose classes lie close together."""
    path = next(path for path in MAIN if 'ek100' in path.name)
    model = load_tool('analysis/benchmark.py').build(path, {}).eval()
    pipeline = Compose(Config.fromfile(path).test_pipeline)
    samples = [pipeline(dict(filename=str(v), label=torch.tensor([0, 0]), start_index=0, modality='RGB'))
               for v in VIDEOS]
    views = [sample['inputs'][:1] for sample in samples]
    clips = model.data_preprocessor(dict(inputs=views, data_samples=[]))['inputs'].flatten(0, 1)
    with torch.inference_mode():
        expected = model.cls_head(model.backbone(clips))
        scores = model.cls_head(model.backbone.bfloat16()(clips))
    for task, score in expected.items():
        score, low = score.softmax(-1), scores[task].softmax(-1)
        torch.testing.assert_close(low, score, rtol=0, atol=0.002)
        lost = score.amax(-1) - score.gather(-1, low.argmax(-1, keepdim=True))[:, 0]
        assert (lost < 0.002).all()  # another class may win only where the two are level
