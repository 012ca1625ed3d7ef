"""`python -m experiments zero-shot`: real scores of tiny weights, tables by hand, and going on after a stop."""

import csv
import json

import numpy as np
import pytest
import torch

from experiments import zero_shot as module
from experiments.baselines import BASELINES, best_threshold_dice
from experiments.zero_shot import BLIND, CLEANED, ORACLE, RAW, run_zero_shot
from scripts.core import sha256
from scripts.data import find_labelled
from scripts.network import TubeNet
from scripts.weights import save_weights
from tests.helpers.bundle_command import TINY_CHANNELS
from tests.helpers.dataset_examples import write_tubes


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
    for other in ({"overlap": 0.25}, {"adapt": "true"}, {"centrelines": False}):  # so they are not known
        with pytest.raises(TypeError, match="not callable"):
            run_zero_shot(dataset, tmp_path, snapshots, **other, **options)
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


def test_a_volume_that_teaches_itself_is_a_row_of_its_own(dataset, tiny_weights, tmp_path, monkeypatch):
    """What the inferers are told is what was asked for, on the command line or from Python."""
    enabled = []

    def kept(pipeline, drawn):
        enabled.append((pipeline.inferer.enabled, pipeline.inferer.inferer.inferer.inferer.enabled))
        label = np.asarray(drawn["label"])
        return {"label": label, "affine": np.eye(4)}, np.zeros(label.shape[1:], dtype=np.float32), 1.0

    monkeypatch.setattr(module, "predicted", kept)
    for adapt, tta in (("false", False), ("true", "false"), (True, True)):
        run_zero_shot(dataset, tmp_path, tiny_weights, adapt=adapt, tta=tta, centrelines="false")
    assert enabled[::2] == [(False, False), (True, False), (True, True)]
    rows = [row for row in rows_of(tmp_path) if row["state"] == CLEANED and row["volume"] == "a_1"]
    assert [row["weights"] for row in rows] == ["tiny", "tiny, adapt", "tiny, adapt, tta"]


def test_a_synthetic_volume_is_drawn_from_the_generator(dataset, tiny_weights, tmp_path, monkeypatch):
    """A smaller one than training sees."""
    monkeypatch.setattr("scripts.data.synthetic.training_shape", lambda *_: (36, 36, 16))
    told = run_zero_shot(dataset, tmp_path, tiny_weights, synthetic=1, centrelines=False, overlap=0)
    (row,) = [row for row in rows_of(tmp_path) if row["volume"] == "synthetic_100" and row["state"] == RAW]
    assert row["kind"] == "synthetic"
    assert 0 < float(row["average_precision"]) < 1
    assert np.isnan(float(row["cldice"]))
    assert "synthetic: AP" in told
