import json

import pytest
import torch

from scripts.core import sha256
from scripts.network import TubeNet
from scripts.weights import Checkpoint, average_weights, read_sidecar, save_weights, sidecar_path
from tests.helpers.bundle_command import contents

SIDECAR = {"normalisation": {"lower": 0.0, "upper": 100.0}, "label_values": [0, 1], "trained_on": "seed"}


def saved(folder, seed, threshold=0.5, channels=(4, 8), **said):
    torch.manual_seed(seed)
    network = TubeNet(channels=channels, dropout=0.1 * seed)
    sidecar = {**SIDECAR, "network": network.arguments, "threshold": threshold, "epoch": seed, "tuned_share": 0.5}
    save_weights(folder / f"{seed}.pt", network, sidecar | said)
    return folder / f"{seed}.pt"


def refused(paths, output, *words, error=ValueError):
    before = contents(output.parent)
    with pytest.raises(error) as info:
        average_weights(paths, output)
    message = str(info.value)
    assert "\n" not in message
    assert all(str(word) in message for word in words), message
    assert contents(output.parent) == before


def test_the_mean_of_three(tmp_path):
    paths = [saved(tmp_path, seed, threshold) for seed, threshold in ((1, 0.2), (2, 0.3), (3, 0.7))]
    checkpoint = Checkpoint(average_weights(paths, tmp_path / "new" / "mean.pt"))
    mean, sidecar = checkpoint.as_network(), checkpoint.sidecar
    parts = [torch.load(path, weights_only=True) for path in paths]
    for name, value in mean.state_dict().items():
        torch.testing.assert_close(value, torch.stack([part[name] for part in parts]).mean(dim=0))
    assert sidecar["threshold"] == pytest.approx(0.4)
    assert sidecar["normalisation"] == SIDECAR["normalisation"]
    assert sidecar["trained_on"] == ["seed"] * 3
    assert [part["sha256"] for part in sidecar["averaged_from"]] == [sha256(path) for path in paths]
    assert not {"epoch", "tuned_share"} & sidecar.keys()


def test_weights_that_mean_other_things_have_no_mean(tmp_path):
    one = saved(tmp_path, 1)
    wide = saved(tmp_path, 2, channels=(4, 16))
    refused([one, wide], tmp_path / "x.pt", sidecar_path(wide), "network", "[4, 16]", sidecar_path(one))
    scaled = saved(tmp_path, 3, normalisation={"lower": 1.0, "upper": 99.0})
    refused([one, scaled], tmp_path / "x.pt", sidecar_path(scaled), "normalisation")
    named = saved(tmp_path, 4, label_values=[0, 7])
    refused([one, named], tmp_path / "x.pt", sidecar_path(named), "label_values", "[0, 7]")


@pytest.mark.parametrize("given", ["1.pt", 3, [], ["1.pt"], ["1.pt", "1.pt"], [1, 2]])
def test_less_than_two(tmp_path, given):
    refused(given, tmp_path / "x.pt", "--ckpt_paths", "two weights or more")


def test_nothing_is_lost(tmp_path):
    one, two = saved(tmp_path, 1), saved(tmp_path, 2)
    refused([one, two], two, two, "another name")
    words = (tmp_path / "no.pt", "no such weights; check --ckpt_paths")
    refused([one, tmp_path / "no.pt"], tmp_path / "x.pt", *words, error=FileNotFoundError)
    sidecar = read_sidecar(two) | {"sha256": "0" * 64}
    sidecar_path(two).write_text(json.dumps(sidecar))
    refused([one, two], tmp_path / "x.pt", two, "not the file that its sidecar")
