"""`python -m experiments zero-shot`: real scores of tiny weights, tables by hand, and going on after a stop."""

import csv
import json

import numpy as np
import pytest
import torch

from experiments import zero_shot as module
from experiments.baselines import BASELINES
from experiments.results_table import best_threshold_dice
from experiments.zero_shot import BLIND, CLEANED, ORACLE, RAW, run_zero_shot, tables
from scripts.core import sha256
from scripts.data import find_labelled
from scripts.network import TubeNet
from scripts.weights import save_weights
from tests.helpers.bundle_command import TINY_CHANNELS
from tests.helpers.dataset_examples import write_tubes

NAN = float("nan")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dataset")
    for name in ("a_1", "b_1"):
        write_tubes(folder, name, (36, 32, 15))
    return folder


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory):
    """Two steps of a training, the second twice as wide as the first."""
    folder = tmp_path_factory.mktemp("snapshots")
    for step, width in ((100, 1), (200, 2)):
        torch.manual_seed(step)
        network = TubeNet(channels=[width * each for each in TINY_CHANNELS])
        sidecar = {"network": network.arguments, "normalisation": {"lower": 0.0, "upper": 100.0}, "threshold": 0.25}
        save_weights(folder / f"step_{step}.pt", network, sidecar)
    return [str(path) for path in sorted(folder.glob("*.pt"))]


def rows_of(folder):
    with (folder / "zero_shot.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_weights_and_baselines_are_scored_once_and_drawn(dataset, snapshots, tmp_path, monkeypatch):
    """A second set of weights is scored later; what is there stays, and nothing is predicted again."""
    options = {"threshold": 0.5, "kinds": {"a": "stacks"}}
    first = run_zero_shot(dataset, tmp_path, snapshots[0], **options)
    assert not (tmp_path / "learning_curve.png").exists()
    before = rows_of(tmp_path)
    assert len(before) == 2 * (len(BASELINES) + 1 + 2)
    told = run_zero_shot(dataset, tmp_path, snapshots, **options)
    rows = rows_of(tmp_path)
    assert rows[: len(before)] == before
    assert len(rows) == len(before) + 2 * 2
    assert (tmp_path / "learning_curve.png").stat().st_size > 10_000
    assert (tmp_path / "zero_shot.md").read_text() == told + "\n"
    assert {line for line in first.splitlines() if "step_100" in line} <= set(told.splitlines())

    states = {row["state"]: row for row in rows if row["volume"] == "a_1"}
    assert set(states) == {RAW, CLEANED, BLIND, ORACLE}
    assert states[RAW]["sha256"] == sha256(snapshots[1])[:12]
    assert (states[RAW]["threshold"], states[RAW]["stated_threshold"], states[RAW]["kind"]) == ("0.25", "0.5", "stacks")
    assert states[RAW]["average_precision"] != states[CLEANED]["average_precision"]
    cleaning = json.loads(states[RAW]["settings"])["cleaning"]
    assert (cleaning["smooth"], cleaning["min_size"]) == (0.7, "20 voxels")  # those that ship, not the sidecar's
    volume = find_labelled(dataset)[0]
    assert float(states[ORACLE]["best_dice"]) == best_threshold_dice(volume)

    monkeypatch.setattr(module, "predicted", None)
    monkeypatch.setattr(module, "score", None)
    assert run_zero_shot(dataset, tmp_path, snapshots, **options) == told
    with pytest.raises(TypeError, match="not callable"):  # at another overlap it is not known
        run_zero_shot(dataset, tmp_path, snapshots, overlap=0.25, **options)
    assert rows_of(tmp_path) == rows


def test_after_a_stop_it_goes_on(dataset, snapshots, tmp_path, monkeypatch):
    """It stops at the second volume; what was written is not worked out again."""
    predict, seen = module.predicted, []

    def stopping(pipeline, drawn):
        if len(seen) == 1:
            raise KeyboardInterrupt
        seen.append(drawn)
        return predict(pipeline, drawn)

    monkeypatch.setattr(module, "predicted", stopping)
    with pytest.raises(KeyboardInterrupt):
        run_zero_shot(dataset, tmp_path, snapshots[0], centrelines=False)
    stopped = rows_of(tmp_path)
    assert [row["volume"] for row in stopped if row["state"] == CLEANED] == ["a_1"]
    monkeypatch.setattr(module, "predicted", predict)
    run_zero_shot(dataset, tmp_path, snapshots[0], centrelines=False)
    assert rows_of(tmp_path)[: len(stopped)] == stopped
    assert [row["volume"] for row in rows_of(tmp_path) if row["state"] == RAW] == ["a_1", "b_1"]


def test_synthetic_volumes_are_a_kind_outside_the_mean():
    """Two volumes of one kind and one of another: 0.5 and 0.1 make 0.3."""
    scores = dict.fromkeys(("auroc", "best_dice", "dice", "cldice", "dice_stated", "cldice_stated"), 0.5)
    volumes = {"a_1": ("a", 0.4), "a_2": ("a", 0.6), "b_1": ("b", 0.1), "synthetic_7": ("synthetic", 0.9)}
    rows = [
        {**scores, "weights": "w", "state": RAW, "volume": name, "kind": kind, "average_precision": value}
        for name, (kind, value) in volumes.items()
    ]
    head, _, line, _, each, _, last = tables([*rows[:-1], {**rows[-1], "cldice": NAN}], 0.4).splitlines()
    assert "| Dice at 0.4 | clDice at 0.4 | a: AP / best Dice / Dice | b:" in head
    assert head.endswith("| synthetic: AP / best Dice / Dice |")
    assert line.split(" | ")[2:4] == ["0.300", "0.500"]
    assert line.endswith("| 0.500 / 0.500 / 0.500 | 0.100 / 0.500 / 0.500 | 0.900 / 0.500 / 0.500 |")
    assert each.endswith("| a_1 | a_2 | b_1 | synthetic_7 |")
    assert last.endswith("| 0.900 / 0.500 / 0.500 / – |")


def test_a_synthetic_volume_is_drawn_from_the_generator(dataset, tiny_weights, tmp_path, monkeypatch):
    """A smaller one than training sees."""
    monkeypatch.setattr("scripts.data.synthetic.training_shape", lambda *_: (36, 36, 16))
    told = run_zero_shot(dataset, tmp_path, tiny_weights, synthetic=1, centrelines=False, overlap=0)
    (row,) = [row for row in rows_of(tmp_path) if row["volume"] == "synthetic_100" and row["state"] == RAW]
    assert row["kind"] == "synthetic"
    assert 0 < float(row["average_precision"]) < 1
    assert np.isnan(float(row["cldice"]))
    assert "synthetic: AP" in told
