"""What takes a moment: the viewer is free meanwhile, and it can be cancelled."""

import threading

import numpy as np
import pytest
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QMainWindow, QProgressDialog, QPushButton
from tubenet_napari import background, workspace

from scripts.core import UserError
from scripts.io import read_volume


class Slow:
    """An array that waits, before its first slab is read, until it is told."""

    def __init__(self, array):
        self.array, self.go, self.begun = array, threading.Event(), threading.Event()
        self.shape, self.dtype, self.size, self.ndim = array.shape, array.dtype, array.size, array.ndim

    def __getitem__(self, key):
        if threading.current_thread() is not threading.main_thread():
            self.begun.set()
            self.go.wait(20)
        return self.array[key]


@pytest.fixture
def slow(desk, truth, monkeypatch):
    """A layer without a file, whose copying takes until it is told to go on."""
    monkeypatch.setattr(background, "LONG", 10)
    array = Slow(truth.astype(np.uint8))
    layer = desk.viewer.add_image(array, name="in memory", contrast_limits=(0, 1))
    yield desk, array, layer
    array.go.set()


def when_begun(array, then):
    """Do something in the viewer once a thread has begun to read."""

    def look():
        if array.begun.is_set():
            then()
        else:
            QTimer.singleShot(20, look)

    QTimer.singleShot(20, look)


def test_a_layer_without_a_file_is_copied_while_the_viewer_is_free(slow, truth):
    desk, array, _ = slow
    seen = []

    def walk():
        desk.viewer.dims.set_point(0, 3)
        seen.append((desk.viewer.dims.current_step[0], desk.widget.segment.isEnabled()))
        array.go.set()

    when_begun(array, walk)
    session = desk.workspace.began()
    assert seen == [(3, False)]  # the sections wait
    assert desk.widget.segment.isEnabled()
    np.testing.assert_array_equal(read_volume(session.volume)[1], truth.transpose(2, 1, 0))


@pytest.mark.parametrize("how", ["cancelled", "removed", "closed"])
def test_copying_a_layer_that_is_not_wanted_any_more(slow, how, monkeypatch):
    desk, array, layer = slow
    write = workspace.write_layer

    def many_slabs(*words, check):
        array[0]
        while how != "removed":
            check()
        return write(*words, check=check)

    def end():
        if how == "cancelled":
            (dialog,) = [each for each in QApplication.topLevelWidgets() if isinstance(each, QProgressDialog)]
            assert isinstance(dialog.parent(), QMainWindow)
            dialog.findChild(QPushButton).click()
        elif how == "removed":
            desk.viewer.layers.remove(layer)
        array.go.set()
        if how == "closed":
            desk.workspace.close()

    monkeypatch.setattr(workspace, "write_layer", many_slabs)
    when_begun(array, end)
    with pytest.raises(UserError, match=r"in memory.*: .*" + ("not chosen" if how == "removed" else "cancelled")):
        desk.workspace.began()
    assert desk.workspace.session is None
    assert list(desk.workspace.root.iterdir()) == []
    assert not [
        each for each in QApplication.topLevelWidgets() if isinstance(each, QProgressDialog) and each.isVisible()
    ]
    assert desk.widget.segment.isEnabled() == (how != "closed")


def test_what_was_done_before_it_was_cancelled_is_kept(slow):
    desk, array, _ = slow

    def cancel():
        (dialog,) = [each for each in QApplication.topLevelWidgets() if isinstance(each, QProgressDialog)]
        dialog.findChild(QPushButton).click()
        array.go.set()

    when_begun(array, cancel)
    assert desk.workspace.beside("Working", 11, lambda check: array[0].shape) == array.array[0].shape
