"""Jobs in processes of their own: they fail in one line, are cancelled, are killed, and the viewer goes on."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from tubenet_napari.jobs import Job, Runner, Step, bundle_command
from tubenet_napari.session import Session, Weights

from scripts.core import UserError, box_text
from scripts.io import read_volume, write_volume

BOX = ((16, 80), (8, 72), (0, 32))
SLEEPY = (
    "import subprocess, sys, time; print('asleep', flush=True); subprocess.Popen(['sleep', '300']); time.sleep(300)"
)


def sleep():
    return Job("Sleeping", [Step("sleeping", lambda: [sys.executable, "-c", SLEEPY])], done=lambda: None)


def is_alive(pid):
    """Whether any process of a group is more than a zombie."""
    listed = subprocess.run(["ps", "-eo", "pgid,stat"], capture_output=True, text=True, check=True).stdout.split("\n")
    return any(line.split()[0] == str(pid) and "Z" not in line.split()[1] for line in listed[1:] if line)


def is_running(pid):
    """Whether one process is more than a zombie."""
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listed.stdout.strip()[:1] not in ("", "Z")


@pytest.fixture
def runner(qapp, qtbot):
    made = Runner()
    made.ends = []
    made.ended.connect(lambda *end: made.ends.append(end))
    made.lines = []
    made.said.connect(made.lines.append)
    yield made
    made.close()


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


# -- the runner --------------------------------------------------------------------------------------------------------


def test_what_fails_ends_in_the_commands_own_line(runner, qtbot):
    runner.start(Job("Segmenting", [Step("segment", lambda: bundle_command("segment", "none.tif", "out"))], print))
    qtbot.waitUntil(lambda: not runner.is_busy, timeout=60_000)
    ((title, outcome, problem),) = runner.ends
    assert (title, outcome) == ("Segmenting", "failed")
    assert problem.startswith("error: none.tif: no such file or folder; ")
    assert runner.lines[0].endswith("-m tubenet segment none.tif out")  # to be copied


def test_one_job_at_a_time(runner, qtbot):
    runner.start(sleep())
    with pytest.raises(UserError, match=r"Sleeping: another job runs \(sleeping\); wait"):
        runner.start(sleep())


def test_cancelling_ends_all_that_was_started(runner, qtbot):
    runner.start(sleep())
    qtbot.waitUntil(lambda: "asleep" in runner.lines, timeout=20_000)
    pid = runner.pid
    runner.cancel()
    qtbot.waitUntil(lambda: not runner.is_busy, timeout=20_000)
    assert runner.ends == [("Sleeping", "cancelled", "")]
    assert not is_alive(pid)


def test_a_command_that_does_not_listen_is_killed(runner, qtbot):
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(99)"
    )
    runner.start(Job("Waiting", [Step("waiting", lambda: [sys.executable, "-c", stubborn])], done=lambda: None))
    qtbot.waitUntil(lambda: "deaf" in runner.lines, timeout=20_000)
    pid = runner.pid
    runner.cancel()
    qtbot.waitUntil(lambda: not runner.is_busy, timeout=20_000)
    assert runner.ends[-1][1] == "cancelled"
    assert not is_alive(pid)


@pytest.mark.parametrize("victim", ["command", "worker"])
def test_a_killed_process_is_told_in_one_line_and_leaves_nothing(runner, qtbot, victim):
    runner.start(sleep())
    qtbot.waitUntil(lambda: "asleep" in runner.lines, timeout=20_000)
    pid = runner.pid
    os.kill(pid if victim == "command" else runner._process.processId(), signal.SIGKILL)
    qtbot.waitUntil(lambda: not runner.is_busy, timeout=20_000)
    ((_, outcome, problem),) = runner.ends
    assert outcome == "failed"
    assert "ended from outside" in problem
    assert "\n" not in problem
    qtbot.waitUntil(lambda: not is_alive(pid), timeout=10_000)


@pytest.mark.parametrize(
    ("number", "whom"), [(signal.SIGKILL, "viewer"), (signal.SIGTERM, "all"), (signal.SIGKILL, "all")]
)
def test_a_job_ends_with_its_viewer_however_that_ends(tmp_path, number, whom):
    script = f"""
        import sys
        from qtpy.QtCore import QCoreApplication
        from tubenet_napari.jobs import Job, Runner, Step
        app = QCoreApplication([])
        runner = Runner()
        runner.said.connect(lambda line: line == "asleep" and print(runner.pid, flush=True))
        runner.start(Job("Sleeping", [Step("sleeping", lambda: [sys.executable, "-c", {SLEEPY!r}])], done=print))
        app.exec()
    """
    words = [sys.executable, "-c", textwrap.dedent(script)]
    viewer = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True)
    pid = int(viewer.stdout.readline())
    assert is_alive(pid)
    if whom == "all":  # as a batch system does, or a terminal that is closed
        os.killpg(viewer.pid, number)
    else:
        viewer.kill()
    viewer.wait()
    until = time.monotonic() + 30
    while is_running(pid) and time.monotonic() < until:
        time.sleep(0.1)
    assert not is_running(pid)


# -- in the viewer -----------------------------------------------------------------------------------------------------


def test_a_fine_tuning_is_cancelled_half_way_and_another_killed(desk, volume, suggested, notes):
    widget, runner = desk.widget, desk.runner
    desk.open(volume)
    widget.suggest.read(suggested)
    widget.suggest.go_to(0)
    widget.suggest.done()
    widget.finetune.epochs.value, widget.finetune.steps.value = 50, 1
    for ending in ("cancelled", "failed"):
        widget.finetune.finetune()
        desk.qtbot.waitUntil(lambda: len(widget.finetune.curve.dice) > 0, timeout=120_000)
        pid = runner.pid
        if ending == "cancelled":
            widget.status.cancel.click()
        else:
            os.killpg(pid, signal.SIGKILL)
        assert desk.wait()[1] == ending
        assert not is_alive(pid)
        session = desk.workspace.session
        assert len(session.weights) == 1
        assert session.current == 0
    assert "ended from outside" in notes()[-1]
    assert "\n" not in notes()[-1]
    desk.segment_box("0:64,0:64,0:32")  # the next job runs


def test_a_layer_that_is_deleted_while_its_job_runs(desk, volume):
    image = desk.open(volume)
    desk.widget.segment.what.value, desk.widget.segment.box.value = "a box", "0:64,0:64,0:32"
    desk.widget.segment.segment()
    desk.viewer.layers.remove(image)
    title, outcome, problem = desk.wait()
    assert outcome == "done", (title, problem)


def test_suggested_boxes_are_walked_through(desk, volume, suggested):
    widget, viewer = desk.widget, desk.viewer
    desk.open(volume)
    widget.suggest.read(suggested)
    assert [widget.suggest.list.item(row).text() for row in range(2)] == [
        "suggested 1: x 16–80, y 8–72, z 0–32   (1)",
        "suggested 2: x 0–48, y 0–48, z 0–32   (0.75)",
    ]
    widget.suggest.go_to(0)
    labels = desk.workspace.layer_of(widget.suggest.suggested()[0])
    assert viewer.layers.selection.active is labels
    np.testing.assert_allclose(labels.translate, (0, 8, 16))
    np.testing.assert_allclose(viewer.dims.point, (31, 39.5, 47.5), atol=2)
    widget.suggest.done()
    assert widget.suggest.list.item(0).text().startswith("✓ ")
    assert widget.suggest.list.currentRow() == 1
    block, _, mark = widget.correct.marked()["suggested 1"]
    assert mark.data.all()
    assert block.box == BOX


def test_boxes_are_suggested_by_the_bundle(desk, volume):
    desk.open(volume)
    desk.widget.suggest.count.value = 1
    desk.widget.suggest.suggest()
    title, outcome, problem = desk.wait()
    assert outcome == "done", (title, problem)
    (block,) = desk.widget.suggest.suggested()
    desk.widget.suggest.go_to(0)
    assert desk.workspace.layer_of(block).data.shape == tuple(stop - start for start, stop in block.box[::-1])

    said = []
    desk.runner.said.connect(said.append)
    desk.widget.suggest.done()
    desk.widget.suggest.suggest()
    _, outcome, problem = desk.wait()
    assert any("--labelled" in line and box_text(block.box) in line for line in said)
    assert outcome == "failed"
    assert "has no block of 64×64×32 voxels left" in problem  # the volume holds one


def test_suggested_boxes_stay_with_the_volume_that_was_looked_through(desk, volume, suggested, tmp_path, notes):
    """Another volume, and other weights, are chosen before the job ends."""
    widget = desk.widget
    desk.open(volume)
    session = desk.workspace.began()
    session.weights.append(Weights("later.pt", 0))
    shutil.copytree(suggested, session.folder / "suggested")
    widget.suggest.suggest()
    job = desk.runner.job
    desk.runner.close()  # what it would find is there already; what counts is how it ends
    other = desk.open(shutil.copy(volume, tmp_path / "other.tif"))
    widget.segment.volume.value = other
    beside = desk.workspace.began()
    session.use(1)
    job.done()
    assert [list(block.segmentations) for block in session.blocks.values()] == [["0"], ["0"]]
    assert len(Session.open(session.folder).blocks) == 2
    assert beside.blocks == {}
    assert widget.suggest.list.count() == 0
    assert "Go on with its session" in notes()[-1]
    widget.suggest.read(suggested)
    assert f"lists boxes of {volume}, not of {tmp_path / 'other.tif'}" in notes()[-1]
    assert beside.blocks == {}

    widget.segment.volume.value = desk.viewer.layers[volume.stem]
    widget.segment.go_on.click()
    assert desk.workspace.session is session  # a job that began before goes on writing into it
    assert widget.suggest.list.count() == 2


def test_boxes_that_are_done_are_ticked_by_their_marks(desk, volume, suggested, tmp_path):
    """Also in a viewer that is started anew; boxes of the same name in another session are not."""
    widget = desk.widget

    def ticked():
        texts = [widget.suggest.list.item(row).text() for row in range(widget.suggest.list.count())]
        return [text.startswith("✓") for text in texts]

    desk.open(volume)
    widget.suggest.read(suggested)
    widget.suggest.go_to(0)
    widget.suggest.done()
    assert ticked() == [True, False]

    other = shutil.copy(volume, tmp_path / "other.tif")
    told = json.loads((suggested / "blocks.json").read_text())
    (suggested / "blocks.json").write_text(json.dumps({**told, "volume": other.as_posix()}))
    widget.segment.volume.value = desk.open(other)
    widget.suggest.read(suggested)
    assert ticked() == [False, False]

    desk.viewer.layers.clear()  # which saves the marks
    desk.workspace._known.clear()
    desk.open(volume)
    widget.segment.go_on.click()
    assert ticked() == [True, False]
    desk.viewer.layers.remove("suggested 1 labelled here")
    desk.workspace.changed.emit()
    assert ticked() == [True, False]
    widget.suggest.go_to(0)
    widget.correct.clear()
    desk.workspace.save_corrections()
    assert ticked() == [False, False]


def test_a_damaged_list_is_refused_in_one_line(desk, volume, tmp_path, notes):
    desk.open(volume)
    (tmp_path / "blocks.json").write_text('{"blocks": [{"box": "0:32,0:32,0:32"}]}')
    desk.widget.suggest.read(tmp_path)
    assert "is damaged" in notes()[-1]


def test_a_session_is_gone_on_with(desk, volume, suggested, qtbot):
    widget = desk.widget
    desk.open(volume)
    widget.suggest.read(suggested)
    widget.suggest.go_to(0)
    labels = desk.workspace.layer_of(widget.suggest.suggested()[0])
    labels.data[5, 5, 5] = 3
    labels.refresh()
    desk.workspace.touch("suggested 1")
    widget.correct.mark_slices()
    desk.workspace.save_corrections()
    folder = desk.workspace.session.folder
    desk.viewer.layers.clear()
    desk.open(volume)
    assert desk.workspace.session is None
    assert not widget.segment.offer.isHidden()
    assert "2 boxes, 0 fine-tunings" in widget.segment.offered.text()
    widget.segment.go_on.click()
    assert desk.workspace.session.folder == folder
    labels = desk.workspace.layer_of(widget.suggest.suggested()[0])
    assert labels.data[5, 5, 5] == 3
    mark = desk.workspace.mark_of(widget.suggest.suggested()[0])
    assert mark.data.any(axis=(1, 2)).sum() == 1
    assert Session.open(folder).summary == "2 boxes, 0 fine-tunings"
