import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scripts.commands.label import can_import
from scripts.io import write_volume
from scripts.monailabel import prepare_app
from scripts.synthesis import synthesise
from tests.helpers.bundle_command import BUNDLE
from tests.helpers.label_server import MODEL, SUFFIXES, LabelServer

SHAPE = (128, 48, 32)  # three windows with the usual overlap, two without
SHORT = {"iterations_per_epoch": 2, "batch_size": 1}


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.server)


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """`images/` and `labels/`, one volume of each kind of file."""
    folder = tmp_path_factory.mktemp("study")
    for number, (name, suffix) in enumerate(SUFFIXES.items()):
        image, label = synthesise(number, SHAPE, "tree")
        geometry = {"voxel_size": (0.5, 0.5, 2.0), "unit": "mm" if suffix == ".nii.gz" else "µm"}
        write_volume(folder / "images" / f"{name}{suffix}", image.astype(np.float32), **geometry)
        write_volume(folder / "labels" / f"{name}{suffix}", (label * 255).astype(np.uint8), **geometry)
    return folder


@pytest.fixture(scope="module")
def server(study, tmp_path_factory):
    """A server of its own for each file of tests, with two steps an epoch; its images are copies."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "studies").mkdir()
    for image in (study / "images").iterdir():
        (folder / "studies" / image.name).write_bytes(image.read_bytes())
    app = prepare_app(folder / "app", can_import("torchvision"))
    finetune = app / "model" / MODEL / "configs" / "finetune.json"
    finetune.write_text(json.dumps(json.loads(finetune.read_text()) | SHORT))
    server = LabelServer(folder / "studies", app, folder / "server.log")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def segment():
    """`monai.bundle run` with the weights and configs of a bundle: the file that it writes."""

    def run(image, output_dir, bundle=BUNDLE):
        config = Path(bundle) / "configs" / "inference.json"
        options = {"dataset_dir": image, "output_dir": output_dir, "bundle_root": bundle}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", str(config), *words]
        # as many threads as the server has: sums in another order may move a voxel across the threshold
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        subprocess.run(command, cwd=output_dir, env=environment, check=True, capture_output=True)
        (written,) = Path(output_dir).glob("*_seg.*")
        return written.rename(written.with_name(f"cli_{written.name}"))

    return run
