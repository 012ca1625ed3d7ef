"""The loop on a real volume: half of the retina labelled in the server, the other half scored before and after."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scripts.commands.label import can_import
from scripts.io import read_volume, write_volume
from scripts.monailabel import prepare_app
from tests.helpers.label_server import ROOT, LabelServer

DATA = ROOT.parent / "shared" / "data"
NAME = "octa_retina"
SPLIT = 64  # y < 64 is labelled, the rest is scored
EPOCHS = 5  # of finetune.json's ten

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the volumes for development are not here")


@pytest.fixture
def server(tmp_path):
    """A server with the bundle as it is shipped."""
    (tmp_path / "studies").mkdir()
    image = DATA / "images" / f"{NAME}.tif"
    (tmp_path / "studies" / image.name).write_bytes(image.read_bytes())
    server = LabelServer(
        tmp_path / "studies", prepare_app(tmp_path / "app", can_import("torchvision")), tmp_path / "server.log"
    )
    yield server
    server.stop()


def dice(mask, truth):
    predicted, vessel = read_volume(mask)[1][:, SPLIT:] > 0, truth[:, SPLIT:]
    return 2 * np.count_nonzero(predicted & vessel) / (np.count_nonzero(predicted) + np.count_nonzero(vessel))


def test_half_a_retina(server, tmp_path, record_property):
    truth = read_volume(DATA / "labels" / f"{NAME}.tif")[1] > 0
    label = truth.astype(np.float32)
    label[:, SPLIT:] = -1
    write_volume(tmp_path / "half.nii.gz", label)
    first = server.mask(NAME, tmp_path).read_bytes()
    before = dice(tmp_path / f"{NAME}.tif", truth)
    assert server.submit(NAME, tmp_path / "half.nii.gz").status_code == 200
    task = server.trained(max_epochs=EPOCHS)
    assert task["status"] == "DONE", task["details"]
    after = dice(server.mask(NAME, tmp_path), truth)
    print(f"Dice on y >= {SPLIT}: {before:.3f} before, {after:.3f} after {EPOCHS} epochs")  # pytest -rP shows it
    record_property("dice_before", before)
    record_property("dice_after", after)
    assert after > before + 0.03

    words = ["restore-foundation", "--app", str(server.app)]
    subprocess.run([sys.executable, "-m", "scripts", *words], cwd=Path(ROOT) / "bundle", check=True)
    assert server.mask(NAME, tmp_path).read_bytes() == first
