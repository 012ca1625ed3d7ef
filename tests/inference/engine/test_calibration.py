"""What was trained is calibrated by what trained it, and kept beside the weights, or left as it was."""

import os
import signal
import zipfile

import pytest
import torch
from monai.data import MetaTensor

from scripts.core.parts import PART
from scripts.inference.engine import calibrate, file_beside, fingerprint, load, windows_of
from scripts.weights import save_weights
from tests.inference.engine.examples import graph, network, windows

SIDECAR = {"network": network().arguments, "normalisation": {"lower": 0.0, "upper": 100.0}, "threshold": 0.5}


def volumes(*shapes):
    return [{"image": MetaTensor(windows(1, shape)[0])} for shape in shapes]


def test_the_best_weights_are_kept_in_int8(tmp_path):
    save_weights(tmp_path / "model_best.pt", network(), SIDECAR)
    other = type(network())(**network().arguments)
    before = {name: values.clone() for name, values in other.state_dict().items()}
    calibrate(tmp_path, other, volumes((64, 48, 20), (40, 40, 40)), lambda item: item, (32, 32, 32))
    assert load(file_beside(tmp_path / "model_best.pt"), fingerprint(network())) is not None
    assert all(torch.equal(before[name], values) for name, values in other.state_dict().items())


def test_without_weights_or_nncf_nothing_is_done(tmp_path, monkeypatch):
    calibrate(tmp_path, network(), volumes((32, 32, 32)), lambda item: item, (32, 32, 32))
    save_weights(tmp_path / "model_best.pt", network(), SIDECAR)
    monkeypatch.setattr("scripts.inference.engine.calibration.has_nncf", lambda: False)
    calibrate(tmp_path, network(), volumes((32, 32, 32)), lambda item: item, (32, 32, 32))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model_best.json", "model_best.pt"]


@pytest.mark.parametrize(("shape", "side"), [((96, 64, 64), (64, 64, 64)), ((90, 64, 15), (64, 64, 32))], ids=str)
def test_windows_have_sides_that_can_be_halved(shape, side):
    found = windows_of(torch.rand(1, *shape), (64, 64, 64), 3)
    assert [tuple(each.shape) for each in found] == [(1, *side)] * 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_while_it_is_written_nothing_is_left_that_looks_finished(tmp_path, monkeypatch):
    save_weights(tmp_path / "model_best.pt", network(), SIDECAR)

    class Killed(zipfile.ZipFile):
        def writestr(self, *given):
            super().writestr(*given)
            os.kill(os.getpid(), signal.SIGKILL)

    found = graph()
    if (child := os.fork()) == 0:
        monkeypatch.setattr("scripts.inference.engine.calibration.quantise", lambda *_: found)
        monkeypatch.setattr("scripts.inference.engine.quantised.zipfile.ZipFile", Killed)
        calibrate(tmp_path, network(), volumes((32, 32, 32)), lambda item: item, (32, 32, 32))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    left = [path.name for path in tmp_path.iterdir() if not path.name.startswith(PART)]  # what the next run sweeps up
    assert sorted(left) == ["model_best.json", "model_best.pt"]


def test_what_fails_is_told_and_the_training_stands(tmp_path, caplog):
    save_weights(tmp_path / "model_best.pt", network(), SIDECAR)
    (tmp_path / "model_best.int8.zip").mkdir()
    calibrate(tmp_path, network(), volumes((32, 32, 32)), lambda item: item, (32, 32, 32))
    assert "the weights are not kept in int8: " in caplog.text
    assert "model_best.int8.zip: cannot be written" in caplog.text


def test_of_many_volumes_some_are_read(tmp_path, monkeypatch):
    save_weights(tmp_path / "model_best.pt", network(), SIDECAR)
    monkeypatch.setattr("scripts.inference.engine.calibration.quantise", lambda *_: graph())
    read = []
    calibrate(tmp_path, network(), volumes((32, 32, 32)) * 200, lambda item: read.append(1) or item, (32, 32, 32))
    assert 32 <= len(read) <= 64
