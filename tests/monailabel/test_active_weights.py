"""The active weights of a server: replaced as a pair, the first kept once, and brought back."""

import json

import pytest
import torch

from scripts.core import sha256
from scripts.monailabel import activate, active_weights, restore_foundation
from scripts.network import TubeNet
from scripts.weights import read_sidecar, save_weights


def weights(path, number):
    net = TubeNet(channels=(4, 8))
    with torch.no_grad():
        net.head.bias.fill_(number)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_weights(path, net, {"network": net.arguments, "threshold": number / 10})
    return path


def pair(path):
    return path.read_bytes(), path.with_suffix(".json").read_bytes()


@pytest.fixture
def active(tmp_path):
    return weights(tmp_path / "app" / "model" / "tubenet" / "models" / "model.pt", 1)


def test_the_first_weights_are_kept_once(active, tmp_path):
    first, foundation = pair(active), active.with_name("model_foundation.pt")
    for number in (2, 3):
        trained = weights(tmp_path / "model_best.pt", number)
        activate(trained, active)
        assert pair(active) == pair(trained)
        assert read_sidecar(active)["threshold"] == number / 10
        assert pair(foundation) == first
    assert sorted(path.name for path in active.parent.iterdir()) == [
        "model.json",
        "model.pt",
        "model_foundation.json",
        "model_foundation.pt",
    ]


def test_back_to_the_first_weights(active, tmp_path):
    first = pair(active)
    activate(weights(tmp_path / "model_best.pt", 2), active)
    trained_at = active.stat().st_mtime_ns
    assert restore_foundation(tmp_path / "app") == active
    assert pair(active) == first
    assert active.stat().st_mtime_ns != trained_at  # by which MONAI Label sees that it is to load them anew
    restore_foundation(tmp_path / "app")
    assert pair(active) == first


def test_nothing_to_restore(active, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"model_foundation\.pt: does not exist, because nothing was trained"):
        restore_foundation(tmp_path / "app")
    with pytest.raises(FileNotFoundError, match="no such folder; give --app"):
        restore_foundation(tmp_path)


def test_a_training_without_a_best_epoch_changes_nothing(active, tmp_path):
    before = pair(active)
    with pytest.raises(
        FileNotFoundError, match=r"model_best\.pt: does not exist, because the Dice was undefined .*is kept"
    ):
        activate(tmp_path / "model_best.pt", active)
    assert pair(active) == before
    assert len(list(active.parent.iterdir())) == 2


@pytest.mark.parametrize("which", ["trained", "active"])
def test_weights_that_are_not_those_of_their_sidecar(active, tmp_path, which):
    trained = weights(tmp_path / "model_best.pt", 2)
    spoilt = {"trained": trained, "active": active}[which]
    sidecar = json.loads(spoilt.with_suffix(".json").read_text())
    spoilt.with_suffix(".json").write_text(json.dumps({**sidecar, "sha256": sha256(tmp_path / "model_best.json")}))
    before = pair(active)
    with pytest.raises(ValueError, match=f"{spoilt.name}: is not the file that its sidecar {spoilt.stem}.json"):
        activate(trained, active)
    assert pair(active) == before


def test_a_full_disk_leaves_the_active_weights(active, tmp_path, monkeypatch):
    """It fails at the second file, when the first is whole but has not got its name."""
    trained, before = weights(tmp_path / "model_best.pt", 2), pair(active)
    activate(trained, active)
    restore_foundation(tmp_path / "app")
    real, files = active_weights.write_together, []

    def failing(pairs):
        (to, write), (beside, _) = pairs

        def full(path):
            files.append(path)
            raise OSError(28, "No space left on device")

        real([(to, write), (beside, full)])

    monkeypatch.setattr(active_weights, "write_together", failing)
    with pytest.raises(OSError, match=r"model\.json: cannot be written \(No space left on device\), .* is kept"):
        activate(trained, active)
    assert files
    assert pair(active) == before
    assert len(list(active.parent.iterdir())) == 4
