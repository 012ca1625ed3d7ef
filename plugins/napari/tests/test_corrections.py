"""What is painted is written, whichever volume is chosen by then and however its layers are left."""

import gc
import json
import shutil
import sys
import threading

import numpy as np
import pytest
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication
from tubenet_napari import background, corrections
from tubenet_napari.jobs import Job, Step
from tubenet_napari.session import Session
from tubenet_napari.widget import export

from scripts.io import read_volume, write_volume
from tests.conftest import Desk

SLEEPY = "import time; time.sleep(300)"
BOX = ((16, 48), (8, 40), (0, 32))


@pytest.fixture
def painted(desk, volume, truth, tmp_path):
    """A session in which one box is shown, and a way to paint a voxel of it."""
    desk.open(volume)
    return desk, *begin(desk, truth, tmp_path / "found.nii.gz")


def begin(desk, truth, path):
    """Begin a session of the chosen volume with one segmented box; return the session, the block and its labels."""
    session = desk.workspace.began()
    block = session.add_block(BOX)
    found = truth[tuple(slice(*bounds) for bounds in BOX[::-1])].astype(np.uint8)
    block.add(0, write_volume(path, found.transpose(2, 1, 0), voxel_size=(1, 1, 2), unit="µm"))
    session.save()
    return session, block, desk.workspace.open_block(block)


def paint(layer, value=7):
    layer.data_setitem((np.array([3]), np.array([4]), np.array([5])), value)


def saved(session, block):
    """The voxel that `paint` paints, as it is in the file; None without a file."""
    path = session.file_of(block, "corrected")
    return read_volume(path)[1][5, 4, 3] if path.exists() else None


def choose_another(desk, volume, tmp_path):
    """Open and choose a copy of a volume."""
    other = tmp_path / "other" / volume.name
    other.parent.mkdir()
    shutil.copy(volume, other)
    layer = desk.open(other)
    desk.widget.segment.volume.value = layer
    assert desk.workspace.session is None
    return layer


def test_a_stroke_is_saved_a_moment_later(painted, qtbot):
    _, session, block, labels = painted
    paint(labels)
    assert saved(session, block) is None
    qtbot.waitUntil(lambda: saved(session, block) == 7, timeout=2 * corrections.AUTOSAVE)


def test_a_large_box_is_not_saved_at_each_stroke_but_when_it_is_left(painted, monkeypatch, qtbot):
    desk, session, block, labels = painted
    monkeypatch.setattr(corrections, "MAX_AUTOSAVED", labels.data.size - 1)
    paint(labels)
    qtbot.wait(corrections.AUTOSAVE + 500)
    assert saved(session, block) is None
    desk.workspace.close()
    assert saved(session, block) == 7


def test_closing_the_dock_alone_saves_and_ends_the_job(painted):
    desk, session, block, labels = painted
    desk.runner.start(Job("Sleeping", [Step("sleeping", lambda: [sys.executable, "-c", SLEEPY])], done=lambda: None))
    paint(labels)
    desk.widget.parent().destroyOnClose()  # what its x does
    assert saved(session, block) == 7
    assert not desk.runner.is_busy


def test_the_dock_is_closed_and_opened_again(painted, qtbot):
    """The sections of before do nothing any more; what is painted before the session is gone on with is saved, too."""
    desk, session, block, labels = painted
    before = desk.widget
    before.parent().destroyOnClose()
    paint(labels)
    qtbot.waitUntil(lambda: saved(session, block) == 7, timeout=2 * corrections.AUTOSAVE)
    after = Desk(desk.viewer, qtbot)
    desk.viewer.add_image(np.zeros((8, 8, 8)), name="another")
    known = [[getattr(layer, "name", "") for layer in each.segment.volume.choices] for each in (before, after.widget)]
    assert ["another" in names for names in known] == [False, True]
    after.widget.segment.volume.value = desk.viewer.layers[0]
    paint(labels, 6)
    after.widget.segment.go_on.click()
    assert after.workspace.session is session
    shown = after.workspace.layer_of(after.workspace.session.blocks[block.name])
    assert shown.unique_id == labels.unique_id
    qtbot.waitUntil(lambda: saved(session, block) == 6, timeout=2 * corrections.AUTOSAVE)
    paint(labels, 5)
    after.workspace.close()
    assert saved(session, block) == 5
    session.hold()  # nobody has it any more
    session.release()


def test_what_is_painted_when_nobody_knows_the_widget_any_more(viewer, volume, truth, tmp_path, qtbot, monkeypatch):
    monkeypatch.setenv("TUBENET_SESSIONS", str(tmp_path / "sessions"))
    desk = Desk(viewer, qtbot)
    desk.open(volume)
    session, block, labels = begin(desk, truth, tmp_path / "found.nii.gz")
    desk.widget.parent().destroyOnClose()
    del desk
    gc.collect()
    QApplication.processEvents()
    gc.collect()
    paint(labels)
    qtbot.waitUntil(lambda: saved(session, block) == 7, timeout=2 * corrections.AUTOSAVE)


def test_what_is_painted_while_another_volume_is_chosen_is_saved(painted, volume, truth, tmp_path, notes, qtbot):
    desk, session, block, labels = painted
    choose_another(desk, volume, tmp_path)
    paint(labels)
    qtbot.waitUntil(lambda: saved(session, block) == 7, timeout=2 * corrections.AUTOSAVE)
    other, twin, layer = begin(desk, truth, tmp_path / "other.nii.gz")
    assert twin.name == block.name  # of two sessions, both of which are written
    paint(labels, 5)
    paint(layer, 4)
    desk.workspace.save_corrections()
    assert (saved(session, block), saved(other, twin)) == (5, 4)
    assert notes() == []


def test_a_layer_that_is_deleted_after_the_last_stroke_is_saved(painted):
    desk, session, block, labels = painted
    paint(labels)
    desk.viewer.layers.remove(labels)
    assert saved(session, block) == 7
    assert desk.workspace.open_block(block).data[3, 4, 5] == 7


def test_what_could_not_be_written_is_told_and_tried_again(painted, volume, tmp_path, notes, monkeypatch):
    desk, session, block, labels = painted
    paint(labels)

    def full(*words, **more):
        raise OSError("no space left")

    monkeypatch.setattr(corrections, "write_labels", full)
    choose_another(desk, volume, tmp_path)
    assert notes() == ["no space left"]
    monkeypatch.undo()
    monkeypatch.setenv("TUBENET_SESSIONS", str(tmp_path / "sessions"))
    desk.workspace.close()
    assert saved(session, block) == 7


def test_a_session_of_a_data_set_of_hdf5_is_gone_on_with(desk, truth, volume, tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["a/raw"] = read_volume(volume)[1].transpose(2, 1, 0)
    desk.open(tmp_path / "x.h5" / "a" / "raw")
    session, block, labels = begin(desk, truth, tmp_path / "found.nii.gz")
    paint(labels)
    desk.widget.export.labels.value = labels
    assert desk.widget.export._start() == tmp_path / "x_a_raw_box-1-labels.ome.tif"
    desk.viewer.layers.clear()
    desk.open(tmp_path / "x.h5" / "a" / "raw")
    assert not desk.widget.segment.offer.isHidden()
    desk.widget.segment.go_on.click()
    assert desk.workspace.session.folder == session.folder
    assert desk.workspace.layer_of(block).data[3, 4, 5] == 7


@pytest.mark.parametrize("cut", [0, 1])
def test_a_volume_that_has_changed_is_noticed(desk, truth, volume, tmp_path, notes, cut):
    """A session of another shape is refused; where only the file is another, one is warned and goes on."""
    path = shutil.copy(volume, tmp_path / "mine.tif")
    desk.open(path)
    session, block, _ = begin(desk, truth, tmp_path / "found.nii.gz")
    desk.viewer.layers.clear()
    _, voxels = read_volume(volume)
    write_volume(path, voxels[: voxels.shape[0] - cut] // 2, voxel_size=(1, 1, 2), unit="µm")
    desk.open(path)
    desk.widget.segment.go_on.click()
    (note,) = notes()
    assert "\n" not in note
    if cut:
        assert note.startswith(f"{path}: has 95×80×32 voxels, and had 96×80×32 when this session began; ")
        assert desk.workspace.session is None
        assert desk.workspace.began().folder != session.folder
    else:
        assert note.startswith(f"{path}: has changed since this session began; ")
        assert desk.workspace.session is session
        assert desk.workspace.layer_of(block) is not None


def test_a_session_of_an_earlier_version_is_gone_on_with(desk, truth, volume, tmp_path, notes):
    desk.open(volume)
    session, *_ = begin(desk, truth, tmp_path / "found.nii.gz")
    told = json.loads((session.folder / "session.json").read_text())
    assert (told.pop("shape"), len(told.pop("state"))) == ([96, 80, 32], 3)
    (session.folder / "session.json").write_text(json.dumps(told))
    opened = Session.open(session.folder)
    assert opened.shape is None
    assert opened.check_volume() is None
    assert notes() == []


def test_large_labels_are_saved_beside_the_viewer_as_they_were(painted, tmp_path, notes, monkeypatch, qtbot):
    desk, _, _, labels = painted
    monkeypatch.setattr(export, "LONG", labels.data.size - 1)
    desk.widget.export.labels.value = labels
    paint(labels)
    desk.widget.export.save_labels(tmp_path / "mine.nii.gz")
    assert notes() == [f"Saving {tmp_path / 'mine.nii.gz'}: it takes a moment, and the viewer stays free"]
    paint(labels, 5)
    qtbot.waitUntil(lambda: notes()[-1] == f"Saved {tmp_path / 'mine.nii.gz'}", timeout=20_000)
    assert read_volume(tmp_path / "mine.nii.gz")[1][5, 4, 3] == 7
    desk.widget.export.save_labels(tmp_path / "mine.nonsense")
    qtbot.waitUntil(lambda: "mine.nonsense: " in notes()[-1] and "Saving" not in notes()[-1], timeout=20_000)
    assert "\n" not in notes()[-1]


@pytest.mark.parametrize("removed", [False, True])
def test_large_corrections_are_saved_beside_the_viewer(painted, qtbot, monkeypatch, removed):
    """What is painted in the midst of it is saved after it, and never before."""
    desk, session, block, labels = painted
    monkeypatch.setattr(background, "LONG", 10)
    monkeypatch.setattr(corrections, "LONG", 10)
    threads, write, begun, go = [], corrections.write_labels, threading.Event(), threading.Event()

    def slow(*words, **more):
        threads.append(threading.current_thread())
        begun.set()
        go.wait(20)
        return write(*words, **more)

    def meanwhile():
        if not begun.is_set():
            QTimer.singleShot(20, meanwhile)
            return
        paint(labels, 5)
        if removed:
            desk.viewer.layers.remove(labels)
        QTimer.singleShot(300, go.set)

    monkeypatch.setattr(corrections, "write_labels", slow)
    paint(labels)
    QTimer.singleShot(20, meanwhile)
    desk.workspace.save_corrections()
    assert len(threads) == 2 * 2  # labels and marks, as they were and as they are
    assert threading.main_thread() not in threads
    assert saved(session, block) == 5
    qtbot.wait(300)
    assert len(threads) == 4
