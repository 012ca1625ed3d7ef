"""Real viewers, real worker processes, the shipped weights; small volumes of which a job takes seconds."""

import json
import os

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

os.environ.setdefault("OMP_NUM_THREADS", "1")

from tubenet_napari.reader import read_layers

from scripts.commands.synthesise import write_dataset
from scripts.core import box_text
from scripts.io import read_volume, write_volume

LONG = 180_000  # milliseconds
BOX = ((16, 80), (8, 72), (0, 32))  # that is suggested first


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    """A synthetic volume of 96×80×32 voxels with its label."""
    return write_dataset(
        tmp_path_factory.mktemp("data"), count=1, shape=(96, 80, 32), style="hollow", voxel_size=(1, 1, 2)
    )


@pytest.fixture(scope="session")
def volume(dataset):
    return dataset / "images" / "hollow_0.tif"


@pytest.fixture(scope="session")
def truth(dataset):
    """What is vessel, `(Z, Y, X)`."""
    return read_volume(dataset / "labels" / "hollow_0.tif")[1].transpose(2, 1, 0)


@pytest.fixture
def viewer(make_napari_viewer, monkeypatch):
    monkeypatch.setenv("NAPARI_CATCH_ERRORS", "0")
    made = make_napari_viewer(show=True)
    made.window.resize(1400, 900)
    return made


@pytest.fixture
def notes():
    """What napari has notified of."""
    from napari.utils.notifications import notification_manager

    notification_manager.records.clear()
    return lambda: [str(record.message) for record in notification_manager.records]


@pytest.fixture
def desk(viewer, tmp_path, qtbot, monkeypatch):
    monkeypatch.setenv("TUBENET_SESSIONS", str(tmp_path / "sessions"))
    return Desk(viewer, qtbot)


@pytest.fixture
def suggested(volume, truth, tmp_path):
    """A folder as `tubenet suggest` writes it, with two boxes."""
    folder, blocks = tmp_path / "suggested", []
    _, voxels = read_volume(volume)
    for number, box in enumerate((BOX, ((0, 48), (0, 48), (0, 32)))):
        part = tuple(slice(*bounds) for bounds in box)
        files = {"image": f"blocks/{number}.nii", "segmentation": f"blocks/{number}_seg.nii"}
        write_volume(folder / files["image"], voxels[part], voxel_size=(1, 1, 2), unit="µm")
        found = truth.transpose(2, 1, 0)[part].astype(np.uint8)
        write_volume(folder / files["segmentation"], found, voxel_size=(1, 1, 2), unit="µm")
        blocks.append({"name": str(number), "box": box_text(box), "score": 1.0 - number / 4, **files, "added": False})
    (folder / "blocks.json").write_text(json.dumps({"volume": str(volume), "blocks": blocks}))
    return folder


class Desk:
    """The widget in its viewer, and how a test waits for it."""

    def __init__(self, viewer, qtbot):
        self.viewer, self.qtbot = viewer, qtbot
        _, self.widget = viewer.window.add_plugin_dock_widget("tubenet-napari")
        self.workspace, self.runner = self.widget.workspace, self.widget.workspace.runner

    def open(self, path):
        """Open a file as the reader does, and choose it."""
        for data, about, kind in read_layers(str(path)):
            layer = getattr(self.viewer, f"add_{kind}")(data, **about)
        QApplication.processEvents()
        return layer

    def wait(self, timeout=LONG):
        """Wait until no job runs, and return how the last one ended."""
        ends = []
        self.runner.ended.connect(lambda *end: ends.append(end))
        self.qtbot.waitUntil(lambda: not self.runner.is_busy, timeout=timeout)
        QApplication.processEvents()
        return ends[-1] if ends else None

    def segment_box(self, text):
        """Segment a box, and return its layer of labels."""
        self.widget.segment.what.value = "a box"
        self.widget.segment.box.value = text
        self.widget.segment.segment()
        assert self.runner.is_busy
        assert self.wait()[1] == "done"
        return self.viewer.layers[-2]

    def take_suggested(self, folder):
        """Take the boxes that a folder of `tubenet suggest` names into the session, as its job does when it ends."""
        session = self.workspace.began()
        self.widget.suggest.take(folder, session, session.current)

    def correct_all(self, truth):
        """Paint the truth into the labels of the chosen box, and mark all of it."""
        block = self.widget.correct.chosen()
        layer = self.workspace.layer_of(block)
        layer.data = truth[tuple(slice(*bounds) for bounds in block.box[::-1])].astype(np.uint8)
        self.widget.correct.mark_all()
        return block


class Mouse:
    """An event of the mouse, as napari makes it."""

    def __init__(self, position, displayed, direction=None):
        self.position, self.dims_displayed, self.view_direction = position, displayed, direction
        self.type, self.handled, self.is_dragging, self.button, self.modifiers = "mouse_press", False, False, 1, ()
