"""What a killed process left is removed; what a living one or another machine writes is not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.core import check_writable, parts, write_text
from scripts.core.parts import part_of, sweep

BUNDLE = Path(__file__).resolve().parents[2] / "bundle"
WRITING = """
import sys, time
from pathlib import Path
sys.path.insert(0, {bundle!r})
from scripts.core import whole_folder, write_whole
folder = Path({folder!r})
with whole_folder(folder / "dataset") as inside:
    (inside / "a.tif").write_text("half")
    def half(part):
        part.write_text("ha")
        print("writing", flush=True)
        time.sleep(99)
    write_whole(folder / "b_seg.tif", half)
"""


@pytest.fixture(autouse=True)
def as_in_a_process_of_its_own(monkeypatch):
    monkeypatch.setattr(parts, "_swept", set())


def left(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith(parts.PART))


def test_a_kill_leaves_parts_and_the_next_run_removes_them(tmp_path, monkeypatch):
    code = WRITING.format(bundle=str(BUNDLE), folder=str(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    process.stdout.readline()
    assert len(left(tmp_path)) == 2
    check_writable(tmp_path)  # while it lives, they stay
    assert len(left(tmp_path)) == 2
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(left(tmp_path)) == 2
    monkeypatch.setattr(parts, "_swept", set())
    write_text(tmp_path / "c.txt", "whole")
    assert os.listdir(tmp_path) == ["c.txt"]


def test_what_may_be_somebody_elses_stays(tmp_path, monkeypatch):
    """Parts of this process, other machines and versions, and a process of a reused number."""
    mine = part_of(tmp_path / "mine.tif")
    machine, pid, began = mine.name.removeprefix(parts.PART).split("-")[:3]
    free = 2**22 - 2  # above the largest number that Linux gives
    names = {
        mine.name: True,
        f".part-{machine}-{pid}-{began}0-0a1b2c3d-recycled.tif": False,
        f".part-{machine}-{free}-{began}-0a1b2c3d-ended.tif": False,
        f".part-{machine}-{10**30}-{began}-0a1b2c3d-absurd.tif": True,
        f".part-00000000-{free}-{began}-0a1b2c3d-of_another_machine.tif": True,
        ".part-0a1b2c3d-of_an_earlier_version.tif": True,
        f"part-{machine}-{free}-{began}-0a1b2c3d-not_hidden.tif": True,
        "scan.tif": True,
    }
    for name in names:
        (tmp_path / name).write_text("precious")
    link = tmp_path / f".part-{machine}-{free}-{began}-0a1b2c3d-link"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.tif").touch()
    link.symlink_to(tmp_path / "elsewhere")
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {name for name in names if names[name]} | {"elsewhere"}
    assert (tmp_path / "elsewhere" / "b.tif").exists()


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
