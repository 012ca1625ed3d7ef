"""Jobs in processes of their own: they fail in one line, are cancelled, are killed, and the viewer goes on."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from tubenet_napari.jobs import Job, Runner, Step, bundle_command

from scripts.core import UserError

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


# -- the runner --------------------------------------------------------------------------------------------------------


def test_what_fails_ends_in_the_commands_own_line(runner, qtbot):
    runner.start(Job("Segmenting", [Step("segment", lambda: bundle_command("segment", "none.tif", "out"))], print))
    qtbot.waitUntil(lambda: not runner.is_busy, timeout=60_000)
    ((title, outcome, problem),) = runner.ends
    assert (title, outcome) == ("Segmenting", "failed")
    assert problem.startswith("error: none.tif: no such file or folder; ")
    assert runner.lines[0].endswith("-m tubenet segment none.tif out")  # to be copied


def test_warnings_are_told_once_each(desk, notes, qtbot):
    def run(*lines):
        command = [sys.executable, "-c", f"print({chr(10).join(lines)!r})"]
        with qtbot.waitSignal(desk.runner.ended, timeout=20000):
            desk.runner.start(Job("Learning", [Step("learning", lambda: command)], done=lambda: None))

    lines = ["WARNING only 30 voxels", "INFO fine", "WARNING only 40 voxels", "WARNING box-1: is dim"]
    run(*(f"12:00:00 {line}" for line in lines), "WARNING of another program")
    run("12:00:01 WARNING only 30 voxels", "12:00:01 WARNING box-2: is dim")
    run("12:00:02 WARNING only 20 voxels")
    told = ["only 30 voxels", "box-1: is dim", "box-2: is dim", "only 20 voxels"]
    assert notes() == [f"Learning: {line}" for line in told]


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
    desk.take_suggested(suggested)
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


def test_a_job_has_the_options_that_it_began_with(desk, volume):
    desk.open(volume)
    segment = desk.widget.segment
    segment.what.value, segment.box.value, segment.overlap.value = "a box", "0:64,0:64,0:32", 0.25
    said = []
    desk.runner.said.connect(said.append)
    segment.segment()
    segment.overlap.value, segment.min_size.value = 0.75, "50 voxels"
    desk.qtbot.waitUntil(lambda: any(" segment " in line for line in said), timeout=60_000)
    desk.runner.close()
    (line,) = [line for line in said if line.startswith("$ ") and " segment " in line]
    assert line.endswith(" --overlap 0.25")


def test_a_layer_that_is_deleted_while_its_job_runs(desk, volume):
    image = desk.open(volume)
    desk.widget.segment.what.value, desk.widget.segment.box.value = "a box", "0:64,0:64,0:32"
    desk.widget.segment.segment()
    desk.viewer.layers.remove(image)
    title, outcome, problem = desk.wait()
    assert outcome == "done", (title, problem)
