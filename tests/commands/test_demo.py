import json

import pytest

from scripts.commands.demo import METRICS, SHAPE, run_demo
from scripts.io import read_header


@pytest.mark.slow
@pytest.mark.usefixtures("forked_bundle")
def test_demo_segments_and_scores_before_and_after_fine_tuning(tmp_path, capsys):
    """Two steps of fine-tuning: what it leaves and prints, not how good it gets."""
    folder = tmp_path / "demo"
    run_demo(folder, epochs=1, iterations_per_epoch=2)
    printed = capsys.readouterr().out
    scores = {}
    for which in ("before", "after"):
        ((name, scores[which]),) = json.loads((folder / which / "metrics.json").read_text())["cases"].items()
        segmentation = read_header(folder / which / f"{name}_seg.tif")
        assert (segmentation.shape, segmentation.unit) == (SHAPE, "µm")
    for picture in ("before", "after", "roc"):
        assert (folder / f"{picture}.png").read_bytes().startswith(b"\x89PNG")
    rows = [line.split() for line in printed.splitlines() if line.startswith(("shipped weights", "fine-tuned"))]
    assert [row[-len(METRICS) :] for row in rows] == [
        [f"{scores[which][metric]:.3f}" for metric in METRICS] for which in ("before", "after")
    ]
    assert scores["before"] != scores["after"]
    assert f"$ tubenet finetune {folder / 'dataset'} {folder / 'weights'} --region " in printed
