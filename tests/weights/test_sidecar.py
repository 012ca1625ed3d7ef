"""Sidecars that are none, or of a network that the file beside them cannot be of."""

import json
import os

import pytest

from scripts.weights import read_sidecar
from scripts.weights.sidecar import check_size
from tests.helpers.weights_examples import network, refused, saved


def test_missing_files(tmp_path):
    assert "no such weights; check --ckpt_path" in refused(tmp_path / "none.pt", error=FileNotFoundError)
    path = saved(tmp_path)
    path.with_suffix(".json").unlink()
    assert "the sidecar of model.pt is missing" in refused(path, error=FileNotFoundError)
    with pytest.raises(FileNotFoundError, match=r"none\.pt: no such weights; check --mine"):
        read_sidecar(tmp_path / "none.pt", "--mine")


def test_of_a_folder_the_best_weights_are_named(tmp_path):
    with pytest.raises(OSError, match=r"is a folder and not a file; check --ckpt_path"):
        read_sidecar(tmp_path)
    best = saved(tmp_path).rename(tmp_path / "model_best.pt")
    with pytest.raises(OSError, match=rf"is a folder and not a file; write --ckpt_path {best}$"):
        read_sidecar(tmp_path)


def test_a_pipe_would_never_end(tmp_path):
    path = saved(tmp_path)
    for pipe in (path.with_suffix(".json"), path):
        pipe.unlink()
        os.mkfifo(pipe)
        with pytest.raises(OSError, match=f"{pipe.name}: is a pipe, socket or device and not a file"):
            read_sidecar(path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"network": ', "is not JSON"),
        ("[1, 2]", "is not a sidecar"),
        ("{}", "is not a sidecar"),
        ('{"threshold": "x"}', "is not a sidecar"),
        ('{"threshold": true}', "is not a sidecar"),
        ('{"threshold": NaN}', "is not a sidecar"),
        ('{"threshold": 0.5, "validation": {"val_dice": NaN}}', "is not a sidecar, it holds NaN or infinite numbers"),
        ('{"threshold": 0.5, "epoch": 1e999}', "is not a sidecar, it holds NaN or infinite numbers"),
        ('{"threshold": 0.5, "network": []}', "is not a sidecar, its network is of another form"),
        ('{"threshold": 0.5, "normalisation": 1}', "is not a sidecar, its normalisation is of another form"),
        ('{"threshold": 0.5, "label_values": 2}', "is not a sidecar, its label_values is of another form"),
        ('{"threshold": 0.5, "label_values": [0, [1, "x"]]}', "is not a sidecar, its label_values is of another form"),
        ('{"threshold": 0.5, "label_names": "vessel"}', "is not a sidecar, its label_names is of another form"),
        ('{"threshold": 0.5, "label_names": [1]}', "is not a sidecar, its label_names is of another form"),
        ('{"threshold": 0.5, "patch_size": [64, 64]}', "is not a sidecar, its patch_size is of another form"),
        ('{"threshold": 0.5, "patch_size": [64, 64, -1]}', "is not a sidecar, its patch_size is of another form"),
        ('{"threshold": 0.5, "validated_on": ["v"]}', "is not a sidecar, its validated_on is of another form"),
        ('{"threshold": 0.5, "sha256": 7}', "is not a sidecar, its sha256 is of another form"),
        ('{"a": ' * 100_000, "is nested too deep to be read"),
        ("[" * 100_000, "is nested too deep to be read"),
        (" " * (2**24 + 1), "has 16777217 bytes, more than the 16777216"),
    ],
    ids=lambda text: text[:40],
)
def test_a_sidecar_that_is_none(tmp_path, text, why):
    path = saved(tmp_path)
    path.with_suffix(".json").write_text(text)
    assert f"model.json: {why}" in refused(path)


@pytest.mark.parametrize("values", [None, [0, 1], [0, [1, 255], 7.5]])
def test_label_values_of_every_form_that_training_writes(tmp_path, values):
    path = saved(tmp_path)
    sidecar = json.loads(path.with_suffix(".json").read_text()) | {"label_values": values}
    path.with_suffix(".json").write_text(json.dumps(sidecar))
    assert read_sidecar(path)["label_values"] == values


@pytest.mark.parametrize("size", [2, 4, 8])
def test_a_file_is_of_a_size_that_fits_the_network(tmp_path, size):
    """Half, single or double precision, and what torch writes with it."""
    net, path = network(), tmp_path / "model.pt"
    count = sum(value.numel() for value in net.parameters())
    path.write_bytes(bytes(size * count + 1000))
    check_size(path, net.arguments)
    with path.open("wb") as file:
        file.truncate(2**40)  # takes no room on the disk, and would fill the memory
    with pytest.raises(ValueError, match=r"model\.pt: has 1099511627776 bytes, and the network that model\.json"):
        check_size(path, net.arguments)
    path.write_bytes(bytes(count))
    with pytest.raises(ValueError, match=f"a network of {count} weights, and model.pt has"):
        check_size(path, net.arguments)


def test_a_file_far_larger_than_its_network_is_not_read(tmp_path):
    path = saved(tmp_path)
    with path.open("r+b") as file:
        file.truncate(2**40)
    assert "model.pt: has 1099511627776 bytes, and the network that model.json describes needs" in refused(path)
