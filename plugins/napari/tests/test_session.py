"""A session and its file: who may have it open, where it may lie, and what it says of files that are gone."""

import subprocess
import sys

from tubenet_napari.session import Session

from tests.conftest import Desk
from tests.test_corrections import begin

HOLD = """
import sys, time
from pathlib import Path
from tubenet_napari.session import Session
session = Session.open(Path(sys.argv[1]))
session.hold()
print("held", flush=True)
time.sleep(300)
"""


def test_a_session_that_is_open_in_another_viewer_is_refused_until_that_has_died(desk, volume, truth, tmp_path, notes):
    desk.open(volume)
    session, block, _ = begin(desk, truth, tmp_path / "found.nii.gz")
    session.release()
    words = [sys.executable, "-c", HOLD, str(session.folder)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout.readline() == "held\n"
            desk.viewer.layers.clear()
            desk.workspace._known.clear()
            desk.open(volume)
            desk.widget.segment.go_on.click()
            line = f"{session.folder}: this session is open in another viewer, or in another widget of this one; go on"
            assert notes()[-1].startswith(line)
            assert desk.workspace.session is None
        finally:
            other.kill()
    assert (session.folder / "session.lock").exists()  # it died, and could not remove it
    desk.widget.segment.go_on.click()
    assert desk.workspace.layer_of(desk.workspace.session.blocks[block.name]) is not None


def test_a_session_that_is_open_in_another_window_is_refused_until_that_is_closed(
    desk, make_napari_viewer, volume, truth, tmp_path, qtbot
):
    desk.open(volume)
    session, *_ = begin(desk, truth, tmp_path / "found.nii.gz")
    other = Desk(make_napari_viewer(), qtbot)
    other.open(volume)
    other.widget.segment.go_on.click()
    assert other.workspace.session is None
    assert other.workspace.began().folder != session.folder
    desk.workspace.close()
    other.workspace.go_on(Session.open(session.folder))
    assert other.workspace.session.folder == session.folder
