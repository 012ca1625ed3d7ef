import logging
import sys
from subprocess import DEVNULL, CompletedProcess
from types import SimpleNamespace

import monai
import numpy as np
import pytest
import torch
from monai.bundle import ConfigWorkflow

from scripts.network import TubeNet
from scripts.weights import save_weights
from tests.helpers.bundle_command import TINY_CHANNELS, BundleCommand
from tests.helpers.dataset_examples import write_tubes
from tests.helpers.python_m import BUNDLE, PythonM

FIRST = ["fuzz/test_fuzz", "workflows/test_pretrain", "workflows/test_bad_training", "training/test_distributed"]
FIRST += ["docs/test_commands", "workflows/test_train", "workflows/test_resume", "workflows/test_bad_input"]
"""Files that take longest, so that none of them is left for the end while other cores have nothing to do."""


def pytest_collection_modifyitems(items):
    places = {f"{name}.py": place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: places.get("/".join(item.path.parts[-2:]), len(FIRST)))


@pytest.fixture(autouse=True)
def log_as_before():
    """What a command in this process sets of the log lasts no longer than its test."""
    levels = {name: logging.getLogger(name).level for name in ("scripts", "scripts.result")}
    yield
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture(scope="session")
def python_m():
    """`python -m`: `python_m("scripts", "synthesise", ...)`, a process of a fraction of a second."""
    command = PythonM()
    yield command
    command.close()


@pytest.fixture(scope="session")
def bundle(python_m):
    """`python -m monai.bundle`: `bundle("verify_metadata", ...)`, `bundle.run("inference", dataset_dir=...)`."""
    return BundleCommand(python_m)


@pytest.fixture
def forked_bundle(python_m, monkeypatch):
    """What `run_bundle` starts is forked, too; that it starts real processes is in `tests/commands/test_bundle.py`."""

    def run(command, cwd, **_):
        assert command[:2] == [sys.executable, "-m"]
        done = python_m(*command[2:], cwd=cwd)
        sys.stderr.write(done.stderr)
        return CompletedProcess(command, done.status)

    monkeypatch.setattr("scripts.commands.bundle.subprocess", SimpleNamespace(run=run, DEVNULL=DEVNULL))


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory):
    """Weights of a network that is as good as random, and quick."""
    path = tmp_path_factory.mktemp("weights") / "tiny.pt"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = TubeNet(channels=TINY_CHANNELS)
    sidecar = {"network": network.arguments, "normalisation": {"lower": 0.0, "upper": 100.0}, "threshold": 0.5}
    save_weights(path, network, sidecar)
    return path


@pytest.fixture
def workflow(monkeypatch):
    """A bundle workflow in this process, which afterwards is as before."""

    def make(kind, *configs, **options):
        files = [str(BUNDLE / "configs" / f"{name}.json") for name in configs]
        options = {"bundle_root": str(BUNDLE), **options}
        return ConfigWorkflow(files, logging_file=False, workflow_type=kind, **options)

    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "argv", ["pytest"])
    yield make
    monai.utils.set_determinism(seed=None)


@pytest.fixture(scope="session")
def tiny_dataset(tmp_path_factory):
    """A stack of 15 slices, volume `a`, whose label holds 0 and 255."""
    return write_tubes(tmp_path_factory.mktemp("dataset"), "a", (40, 36, 15))


@pytest.fixture(scope="session")
def other_dataset(tmp_path_factory):
    """A volume `b` like that of `tiny_dataset`."""
    return write_tubes(tmp_path_factory.mktemp("other"), "b", (34, 33, 12))


@pytest.fixture(scope="session")
def keras_model():
    """The release's network in Keras, small, trained for a step so that its file holds an optimiser too."""
    from tests.helpers.keras_release import release

    made = release()
    made.compile("adam", "categorical_crossentropy")
    image = np.random.default_rng(0).random((1, 32, 32, 32, 1), dtype=np.float32)
    made.fit(image, np.repeat(image > 0.5, 2, axis=-1).astype(np.float32), verbose=0)
    return made


@pytest.fixture(scope="session")
def keras_file(keras_model, tmp_path_factory):
    """Its `.weights.h5`, by Keras."""
    path = tmp_path_factory.mktemp("keras") / "small.weights.h5"
    keras_model.save_weights(path)
    return path
