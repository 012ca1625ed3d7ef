"""A session and its file: who may have it open, where it may lie, and what it says of files that are gone."""

import json
import shutil
import subprocess
import sys

from tubenet_napari.session import Session, Weights

from scripts.core import WEIGHTS
from tests.conftest import Desk
from tests.test_corrections import begin, paint, saved

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


def test_a_session_stays_open_where_its_layers_are_when_the_dock_is_closed(
    desk, make_napari_viewer, volume, truth, tmp_path, notes, qtbot
):
    desk.open(volume)
    session, block, labels = begin(desk, truth, tmp_path / "found.nii.gz")
    desk.widget.parent().destroyOnClose()
    other = Desk(make_napari_viewer(), qtbot)
    other.open(volume)
    other.widget.segment.go_on.click()
    assert "this session is open in another viewer" in notes()[-1]
    assert other.workspace.session is None
    desk.workspace.close()  # as when the widget is destroyed, later
    paint(labels)
    for layer in [each for each in desk.viewer.layers if each.name.startswith(block.name)]:
        desk.viewer.layers.remove(layer)
    other.widget.segment.go_on.click()
    assert other.workspace.session.folder == session.folder
    assert other.workspace.layer_of(block).data[3, 4, 5] == 7


def worked(desk, volume, truth):
    """Begin a session with a box that was segmented inside of it, painted in, and taught; return all three."""
    desk.open(volume)
    folder = desk.workspace.began().folder
    session, block, labels = begin(desk, truth, folder / "results" / "found.nii.gz")
    taught = folder / "weights" / "model_best.pt"
    taught.parent.mkdir()
    shutil.copy(WEIGHTS, taught)
    session.add_weights(Weights(str(taught), 0))
    paint(labels)
    return session, block, folder


def leave(desk):
    """Close all layers, and forget the session, as a viewer that is started anew has."""
    desk.viewer.layers.clear()
    for session in desk.workspace._known.values():
        session.release()
    desk.workspace._known.clear()


def test_a_session_is_gone_on_with_where_the_folder_of_sessions_was_moved_to(desk, volume, truth, tmp_path, notes):
    _, block, folder = worked(desk, volume, truth)
    leave(desk)
    assert str(tmp_path / "sessions") not in (folder / "session.json").read_text()
    desk.workspace.root = (tmp_path / "sessions").rename(tmp_path / "elsewhere")
    desk.open(volume)
    desk.widget.segment.go_on.click()
    moved = desk.workspace.session
    assert moved.folder == tmp_path / "elsewhere" / folder.name
    assert moved.checkpoint == moved.folder / "weights" / "model_best.pt"
    assert moved.blocks[block.name].latest == moved.folder / "results" / "found.nii.gz"
    assert saved(moved, block) == 7
    assert (moved.volume, moved.missing(), notes()) == (volume, [], [])


def test_the_shipped_weights_are_found_wherever_the_bundle_is_installed(desk, volume, truth):
    session, *_ = worked(desk, volume, truth)
    told = json.loads((session.folder / "session.json").read_text())
    assert [each["path"] for each in told["weights"]] == ["shipped", "weights/model_best.pt"]
    assert Session.open(session.folder).weights == session.weights

    told["weights"][0]["path"] = "/an/earlier/environment/models/model.pt"  # as earlier versions have written it
    told["weights"][1]["path"] = session.weights[1].path
    told["blocks"]["box 1"]["segmentations"] = session.blocks["box 1"].segmentations
    (session.folder / "session.json").write_text(json.dumps(told))
    opened = Session.open(session.folder)
    assert opened.weights == session.weights
    assert opened.missing() == []
    assert opened.name_of(0) == "shipped weights"
    assert opened.blocks == session.blocks


def test_weights_of_ones_own_that_are_gone_are_told(desk, volume, truth, tmp_path):
    session, *_ = worked(desk, volume, truth)
    session.weights[0].path = str(tmp_path / "mine.pt")
    session.save()
    assert Session.open(session.folder).missing() == ["mine.pt"]


def test_paths_from_where_the_viewer_was_started_are_found(desk, volume, truth, tmp_path, monkeypatch):
    """Earlier versions wrote them so, if TUBENET_SESSIONS was one."""
    session, block, folder = worked(desk, volume, truth)
    told = json.loads((folder / "session.json").read_text())
    relative = folder.relative_to(tmp_path)
    told["weights"][1]["path"] = str(relative / "weights" / "model_best.pt")
    told["blocks"][block.name]["segmentations"] = {"0": str(relative / "results" / "found.nii.gz")}
    (folder / "session.json").write_text(json.dumps(told))
    monkeypatch.chdir(tmp_path)
    opened = Session.open(folder)
    assert opened.missing() == []
    assert (opened.checkpoint, opened.blocks[block.name].latest) == (session.checkpoint, block.latest)


def test_what_was_corrected_is_opened_when_its_segmentation_is_gone_and_what_is_gone_is_told(
    desk, volume, truth, tmp_path, notes
):
    session, block, folder = worked(desk, volume, truth)
    lost = session.add_block(((0, 16), (0, 16), (0, 32)))
    lost.add(0, tmp_path / "lost.nii.gz")
    session.save()
    leave(desk)
    block.latest.unlink()
    session.checkpoint.unlink()
    desk.open(volume)
    desk.widget.segment.go_on.click()
    assert desk.workspace.layer_of(block).data[3, 4, 5] == 7
    assert desk.workspace.layer_of(lost) is None
    assert notes() == [
        f"{folder}: the files of box 2, fine-tuning 1 are not there any more; "
        "put them back, or segment and fine-tune once more"
    ]
