"""The loop with a tiny schedule, stopped and gone on with."""

import json

import numpy as np
import pytest

from experiments.suggest import loop, run_suggest
from experiments.suggest.page import write_page
from scripts.core import UserError
from scripts.io import write_volume


@pytest.fixture
def dataset(tmp_path):
    label = np.zeros((240, 144, 16), np.uint8)
    label[:, 40:50, 4:9] = 1
    label[30:40, :, 4:9] = 1
    for kind, voxels in (("images", 20 + 100 * label), ("labels", label)):
        noise = np.random.default_rng(0).integers(0, 20, label.shape) * (kind == "images")
        write_volume(tmp_path / "dataset" / kind / "a.tif", (voxels + noise).astype(np.uint8))
    return tmp_path / "dataset"


@pytest.mark.slow
def test_each_round_is_done_once(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SHORT", {**loop.SHORT, "epochs": 1, "iterations_per_epoch": 1})
    out = tmp_path / "out"
    run_suggest(dataset, out, rounds=1, seeds=1, ways=["by chance"])
    (row,) = json.loads((out / "rounds.json").read_text())
    assert (row["volume"], row["way"], row["seed"], row["round"]) == ("a", "by chance", 0, 1)
    assert row["voxels"] == 24 * 24 * 16
    assert 0 <= row["best_dice"] <= 1
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.pt")}
    run_suggest(dataset, out, rounds=1, seeds=1, ways=["by chance"])
    assert json.loads((out / "rounds.json").read_text()) == [row]
    assert before == {path: path.stat().st_mtime_ns for path in out.rglob("*.pt")}


def test_an_unknown_volume_is_refused(dataset, tmp_path):
    with pytest.raises(UserError, match=r"--volumes b: is not in the dataset; give some of a"):
        run_suggest(dataset, tmp_path / "out", volumes=["b"])


def test_an_unknown_way_is_refused(dataset, tmp_path):
    with pytest.raises(UserError, match=r"--ways odd: is no way of choosing"):
        run_suggest(dataset, tmp_path / "out", ways=["odd"])


def test_the_table_pairs_ways_by_seed(tmp_path):
    scores = {"suggested": (0.6, 0.8), "by chance": (0.5, 0.8)}
    rows = [
        {"volume": "a", "way": way, "seed": seed, "round": 1, "dice": value}
        for way, values in scores.items()
        for seed, value in enumerate(values)
    ]
    write_page(tmp_path, rows)
    text = (tmp_path / "suggest.md").read_text()
    assert "| a | suggested | 0.700 ± 0.141 | 2 |" in text
    assert "Suggested less by chance, mean over rounds: a +0.050 (1 of 2 seeds)." in text
    assert "Suggested less even distances, mean over rounds: not known yet." in text
    assert (tmp_path / "suggest.png").stat().st_size > 10_000
