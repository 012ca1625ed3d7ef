import json
import shlex
from datetime import datetime

import monai
import torch

from scripts.core import version
from scripts.report.run_record import run_record, write_run_record

ABOUT = {"weights": "model.pt", "weights_sha256": "ab12"}


def test_a_command_of_configs():
    words = [
        "--config_file",
        "['a/train.json','a/evaluate.json']",
        "--bundle_root",
        "b",
        "--region",
        "0:9,:,:",
        "--tta",
    ]
    record = run_record(ABOUT, 12.34, ["tubenet evaluate", "run", *words, "--theme=light"])
    assert record["command"] == "tubenet evaluate --region 0:9,:,: --tta true --theme light"
    assert record["configs"] == ["train.json", "evaluate.json"]
    assert record["options"] == {"region": "0:9,:,:", "tta": "true", "theme": "light"}
    assert record["seconds"] == 12.3
    assert (record["weights"], record["weights_sha256"]) == ("model.pt", "ab12")


def test_an_overlay_and_the_command_of_monai():
    words = ["run", "--config_file", "['train.json','evaluate.json','my own.json']", "--device", "cpu"]
    record = run_record({}, 0, ["python -m scripts evaluate", *words])
    assert record["command"] == "python -m scripts evaluate --device cpu --overlays 'my own.json'"
    assert record["configs"][-1] == "my own.json"
    record = run_record({}, 0, ["/lib/monai/bundle/__main__.py", *words])
    assert shlex.split(record["command"]) == ["python", "-m", "monai.bundle", *words]


def test_what_else_is_kept():
    record = run_record({}, 0, ["pytest", "tests"])
    assert (record["command"], record["configs"], record["options"]) == ("", [], {})
    assert record["versions"]["tubenet"] == version()
    assert record["versions"]["monai"] == monai.__version__
    assert record["machine"]["threads"] == torch.get_num_threads()
    assert datetime.fromisoformat(record["date"]).tzinfo is not None


def test_it_is_written(tmp_path):
    path = write_run_record(tmp_path / "new", ABOUT, 1)
    assert path == tmp_path / "new" / "run.json"
    assert json.loads(path.read_text())["weights"] == "model.pt"
