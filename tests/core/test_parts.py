"""What a killed process leaves is removed by the next run; what a living process or another machine writes is not."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts.core import check_writable, parts, write_text
from scripts.core.parts import kept_alive, part_of, sweep

BUNDLE = Path(__file__).resolve().parents[2] / "bundle"
WRITING = """
import sys, time
from pathlib import Path
sys.path.insert(0, {bundle!r})
from scripts.core import whole_folder, write_whole
folder = Path({folder!r})
with whole_folder(folder / "dataset") as inside:
    (inside / "a.tif").write_text("half")
    write_whole(folder / "b_seg.tif", lambda part: (part.write_text("ha"), print("writing", flush=True), time.sleep(99)))
"""


@pytest.fixture(autouse=True)
def as_in_a_process_of_its_own(monkeypatch):
    pytest.importorskip("fcntl")
    monkeypatch.setattr(parts, "_swept", set())


def left(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith(parts.PART))


def aged(path, seconds=60):
    os.utime(path, (time.time() - seconds,) * 2)
    return path


def test_a_kill_leaves_parts_and_the_next_run_removes_them(tmp_path, monkeypatch):
    code = WRITING.format(bundle=str(BUNDLE), folder=str(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    process.stdout.readline()
    assert len(left(tmp_path)) == 2
    for name in left(tmp_path):
        aged(tmp_path / name)
    check_writable(tmp_path)  # while it lives, they stay
    assert len(left(tmp_path)) == 2
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(left(tmp_path)) == 2
    monkeypatch.setattr(parts, "_swept", set())
    write_text(tmp_path / "c.txt", "whole")
    assert os.listdir(tmp_path) == ["c.txt"]


def test_what_may_be_somebody_elses_stays(tmp_path, monkeypatch):
    mine, young, link = (part_of(tmp_path / name) for name in ("mine.tif", "young.tif", "link.tif"))
    target = tmp_path / "precious.tif"
    for path in (mine, young, target, tmp_path / ".part-0a1b2c3d-of_an_earlier_version.tif"):
        path.touch()
    link.symlink_to(target)
    monkeypatch.setattr("platform.node", lambda: "another machine")
    other = part_of(tmp_path / "other.tif")
    other.touch()
    monkeypatch.undo()
    monkeypatch.setattr(parts, "_swept", set())
    for path in (mine, other, target):
        aged(path)
    with kept_alive(mine):
        sweep(tmp_path)
    assert {mine, young, link, target, other} <= set(tmp_path.iterdir())
    monkeypatch.setattr(parts, "_swept", set())
    sweep(tmp_path)
    assert mine not in set(tmp_path.iterdir())
    assert {young, link, target, other} <= set(tmp_path.iterdir())


@pytest.mark.parametrize("letter", ["a", "ß", "血", "🩸"])
def test_every_name_that_a_file_may_have_has_a_part(tmp_path, letter):
    """File systems count bytes: 255 for a name."""
    length = (255 - len(".ome.tif")) // len(letter.encode())
    path = tmp_path / f"{letter * length}.ome.tif"
    write_text(path, "whole")
    assert path.read_text() == "whole"
    assert part_of(path).name.endswith(f"{letter}.ome.tif")


def test_a_folder_that_is_not_there(tmp_path):
    sweep(tmp_path / "missing")
    assert os.listdir(tmp_path) == []
