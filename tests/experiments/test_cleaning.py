"""The table of cleaning: what the network found is kept, cleaned in every way, and scored once."""

import json

import numpy as np
import pytest

from experiments import cleaning
from experiments.cleaning import VARIANTS, kinds_table, run_cleaning, score, volumes_table

PLAIN = {"threshold": 0.5}


def found():
    """A tube that the network finds, with a speck beside it."""
    label = np.zeros((1, 12, 12, 12), dtype=np.int8)
    label[0, :, 4:7, 4:7] = 1
    log_odds = np.where(label[0] > 0, 4.0, -4.0).astype(np.float32)
    log_odds[2, 10, 10] = 1
    return {"label": label, "affine": np.eye(4), "once": log_odds, "seconds": [5.0, 7.0, 6.0], "deciding": [0.5]}


def test_a_speck_is_dropped_by_smoothing_or_by_its_size():
    volume = found()
    plain = score(volume, volume["once"], PLAIN)
    assert plain["dice"] == pytest.approx(2 * 108 / (108 + 109))
    assert plain["average_precision"] == 1
    assert score(volume, volume["once"], {**PLAIN, "min_size": "2 voxels"})["dice"] == 1
    smoothed = score(volume, volume["once"], {**PLAIN, "smooth": 0.7})
    assert smoothed["dice"] == 1
    assert smoothed["cldice"] == 1


def test_what_was_scored_is_not_scored_again(tmp_path, monkeypatch):
    monkeypatch.setattr(cleaning, "keep_predictions", lambda *_: None)
    np.savez(tmp_path / "kind_1_once.npz", **found())
    (tmp_path / "variants.json").write_text(json.dumps({"plain": PLAIN, "eight": {**PLAIN, "views": "logits"}}))
    first = run_cleaning(tmp_path, tmp_path, variants=tmp_path / "variants.json")
    assert "| plain | 0.995 | 1.000 | 1.000 | 1.000 |" in first
    assert "| plain | 0.995 / 1.000 / " in first
    assert "| eight | – |" in first  # nobody has seen it in eight views
    assert "| network, once | 6.00 | 1.000 |\n| deciding on inversion | 0.50 | 0.083 |\n| smooth 0.7 | " in first
    monkeypatch.setattr(cleaning, "score", None)
    monkeypatch.setattr(cleaning, "step_seconds", None)
    assert run_cleaning(tmp_path, tmp_path, variants=tmp_path / "variants.json") == first


def test_what_a_variant_takes_is_the_network_and_the_cleaning(tmp_path, monkeypatch):
    monkeypatch.setattr(cleaning, "keep_predictions", lambda *_: None)
    volume = found()
    np.savez(tmp_path / "kind_1_once.npz", **volume)
    np.savez(tmp_path / "kind_1_views.npz", logits=volume["once"], seconds=[48.0])
    np.savez(tmp_path / "synthetic_1_once.npz", **volume)  # those of synthetic volumes are not counted
    chosen = {"plain": PLAIN, "eight": {**PLAIN, "views": "logits"}}
    (tmp_path / "variants.json").write_text(json.dumps(chosen))
    rows = run_cleaning(tmp_path, tmp_path, variants=tmp_path / "variants.json").split("\n\n")[0].splitlines()[2:]
    cleaned = [
        json.loads((tmp_path / "scores" / f"kind_1 {name}.json").read_text())["scores"]["seconds"] for name in chosen
    ]
    assert [row.split(" | ")[-1] for row in rows] == [f"{6 + cleaned[0]:.1f} |", f"{48 + cleaned[1]:.1f} |"]


def test_the_mean_is_over_kinds():
    scores = dict.fromkeys(("best_dice", "average_precision", "auroc", "cldice", "seconds"), 0.5)
    volumes = {"a_1": 0.2, "a_2": 0.4, "b_1": 0.9, "synthetic_1": 0.1}
    table = {"plain": {name: {**scores, "dice": dice} for name, dice in volumes.items()}}
    assert kinds_table(table).splitlines()[-1].startswith("| plain | 0.600 |")
    assert kinds_table(table).splitlines()[-1].split(" | ")[6] == "0.100"
    assert volumes_table(table).splitlines()[0] == "| | a_1 | a_2 | b_1 |"


def test_the_defaults_are_among_what_is_compared():
    assert {"smooth": 0.7, "min_size": "20 voxels", "threshold": 0.33198531868349} in VARIANTS.values()
