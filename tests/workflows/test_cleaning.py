"""What is evaluated is what is segmented, cleaned in the same way."""

import json

from scripts.io import read_volume
from tests.helpers.bundle_command import TINY_NETWORK

CLEANING = {"smooth": 0.7, "hysteresis": 0.3, "fill_holes": "30 voxels", "min_size": 60, "invert": "true"}


def test_evaluation_scores_what_is_segmented(workflow, tiny_dataset, tiny_weights, tmp_path):
    options = {**TINY_NETWORK, **CLEANING, "tta": True, "adapt": True, "ckpt_path": str(tiny_weights), "threshold": 0.5}
    options |= {"dataset_dir": str(tiny_dataset), "output_dir": str(tmp_path)}
    more = {"label_value": 255, "save_probability": True}
    for kind, configs, own in (("inference", ["inference"], more), ("train", ["train", "evaluate"], {})):
        run = workflow(kind, *configs, **options, **own)
        run.initialize()
        run.run()
        run.finalize()
    found, label = (read_volume(path)[1] for path in (tmp_path / "a_seg.tif", tiny_dataset / "labels" / "a.tif"))
    assert set(found.ravel()) <= {0, 255}
    assert read_volume(tmp_path / "a_std.tif")[1].max() > 0
    scores = json.loads((tmp_path / "metrics.json").read_text())["cases"]["a"]
    hit, either = ((found > 0) & (label > 0)).sum(), (found > 0).sum() + (label > 0).sum()
    assert scores["dice"] == 2 * hit / either
