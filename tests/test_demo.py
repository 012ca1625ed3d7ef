import json

from scripts.demo import SHAPE, run_demo
from scripts.volume_io import read_header


def test_demo_segments_scores_and_pictures_a_volume(tmp_path, capsys):
    run_demo(tmp_path / "demo")
    (name,) = json.loads((tmp_path / "demo" / "output" / "metrics.json").read_text())["cases"]
    segmentation = read_header(tmp_path / "demo" / "output" / f"{name}_seg.tif")
    assert segmentation.shape == SHAPE
    assert segmentation.unit == "µm"
    assert (tmp_path / "demo" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert "dice" in printed
    assert "auroc" in printed
