"""The server answers with an exported model as with its checkpoint."""
import json

import pytest
from conftest import MINI, mini_dict, mini_options, randomised
from mmengine import Config

pytest.importorskip('fastapi')
pytest.importorskip('onnxruntime')
from hostile import ask, form, good, whole  # noqa: E402
from test_server import Served  # noqa: E402

from mmaction.apis import inference_recognizer  # noqa: E402
from projects.cast.export import Scorer, describe, write  # noqa: E402


def test_an_exported_model_is_served(mini_root, tmp_path):
    config = Config.fromfile(MINI)
    maps = {f'label_map.{task}': str(mini_root / f'EPIC_100_{task}_classes.csv') for task in ('verb', 'noun')}
    config.merge_from_dict(mini_dict(mini_root, **maps))
    model, file = randomised(config.model, std=0.5), tmp_path / 'model.onnx'
    model.cfg = config
    scorer = Scorer(model)
    write(scorer, str(file), describe(model, scorer, config, config.test_dataloader.dataset.pipeline))
    options = [*mini_options(mini_root), *(f'{key}={value}' for key, value in maps.items())]
    served = Served(tmp_path / 'tmp', '--cfg-options', *options, checkpoint=file)
    try:
        video = good(tmp_path)
        status, body = ask(served.port, whole(form(video)))
        assert status == 200
        expected = inference_recognizer(model, str(tmp_path / 'good.mp4')).pred_score
        for task in ('verb', 'noun'):
            ranked = json.loads(body)['predictions'][task]
            best = expected[task].sort(descending=True).values
            assert [r['probability'] for r in ranked] == pytest.approx(best[:len(ranked)].tolist(), abs=1e-4)
            assert best[0] - best[1] > 1e-3  # so that the order means something
        status, body = ask(served.port, whole(form(video), path=b'/v1/timeline?window=1&stride=0.5&topk=1'))
        assert status == 200 and len(json.loads(body)['windows']) == 7
    finally:
        assert served.stop() == 0
