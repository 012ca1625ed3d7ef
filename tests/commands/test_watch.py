"""`python -m scripts watch` as a process of its own, on folders into which files are copied as they are in life."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import nibabel as nib
import numpy as np
import pytest

from scripts.commands.option_table import used_options
from scripts.commands.registry import COMMANDS
from scripts.commands.watch import _workflow, watch
from tests.helpers.bundle_command import BUNDLE, TINY_CHANNELS, TINY_NETWORK
from tests.helpers.volume_examples import imagej, nifti

INTERVAL = 0.4
MAX_WAIT = 300  # seconds, on a machine with much else to do


class Watching:
    """The process, and what it has said."""

    def __init__(self, folder, weights, words=("-m", "scripts", "watch")):
        self.log = folder / f"log_{time.monotonic_ns()}"
        overlay = folder / "tiny.json"
        overlay.write_text(json.dumps({"network_def#channels": TINY_CHANNELS}))
        options = ["--interval", INTERVAL, "--ckpt_path", weights, "--overlays", overlay, "--patch_size", [32, 32, 32]]
        where = ["--input_dir", folder / "in", "--output_dir", folder / "out"]
        command = [sys.executable, *words, *map(str, [*where, *options])]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, cwd=BUNDLE, stderr=log, stdout=log, env=environment)

    def said(self):
        return self.log.read_text()

    def wait_for(self, *texts):
        until = time.monotonic() + MAX_WAIT
        while missing := [text for text in texts if text not in self.said()]:
            assert time.monotonic() < until, f"{missing} not in:\n{self.said()}"
            assert self.process.poll() is None, self.said()
            time.sleep(0.05)

    def stop(self, number):
        self.process.send_signal(number)
        assert self.process.wait(MAX_WAIT) == 0, self.said()
        assert self.said().splitlines()[-1].endswith("INFO stopped")
        assert "Traceback" not in self.said()


@pytest.fixture
def start(tmp_path, tiny_weights):
    started = []

    def start(**how):
        (tmp_path / "in").mkdir(exist_ok=True)
        started.append(Watching(tmp_path, tiny_weights, **how))
        return started[-1]

    yield start
    for watching in started:
        watching.process.kill()
        watching.process.wait()


def stored(path):
    """Geometry and voxels, whatever the moment at which they were compressed."""
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    return path.read_bytes()


@pytest.mark.slow
def test_watching_segments_what_a_run_segments(start, bundle, tiny_weights, tmp_path):
    """Copies in pieces, one with a long stop in the middle; a broken file, a full place, a restart."""
    whole = tmp_path / "whole"
    whole.mkdir()
    imagej(whole / "a.tif")
    for name in ("b.nii.gz", "c.nii.gz", "d.nii.gz"):
        nifti(whole / name)
    options = {"ckpt_path": tiny_weights, **TINY_NETWORK}
    bundle.run("inference", dataset_dir=whole, output_dir=tmp_path / "run", **options).ok()

    into, out = tmp_path / "in", tmp_path / "out"
    watching = start()
    watching.wait_for("watching")
    (out / "d_seg.nii.gz").mkdir(parents=True)  # nothing can be written there
    shutil.copy(whole / "d.nii.gz", into)
    (into / "c.nii.gz").write_bytes((whole / "c.nii.gz").read_bytes()[:-50])  # its end is lost
    (into / "scan.dcm").write_bytes(b"DICM")
    pieces = np.array_split(np.frombuffer((whole / "a.tif").read_bytes(), np.uint8), 8)
    for piece in pieces:  # never as long as the interval without a change
        with (into / "a.tif").open("ab") as file:
            file.write(piece.tobytes())
        time.sleep(INTERVAL / 4)
    half = (whole / "b.nii.gz").stat().st_size // 2
    (into / "b.nii.gz").write_bytes((whole / "b.nii.gz").read_bytes()[:half])
    alone = "left alone until it changes"
    watching.wait_for(f"{into / 'a.tif'}: segmented", f"{into / 'b.nii.gz'}: cannot be read")
    watching.wait_for(f"{into / 'c.nii.gz'}: it is cut short", "is not a DICOM file")
    watching.wait_for("d_seg.nii.gz: cannot be written", "will be tried again")
    assert sorted(os.listdir(out)) == ["a_seg.tif", "d_seg.nii.gz"]
    with (into / "b.nii.gz").open("ab") as file:
        file.write((whole / "b.nii.gz").read_bytes()[half:])
    (out / "d_seg.nii.gz").rmdir()
    watching.wait_for(f"{into / 'b.nii.gz'}: segmented", f"{into / 'd.nii.gz'}: segmented")
    lines = watching.said().splitlines()
    assert sum("a.tif" in line and alone in line for line in lines) == 0
    for name in ("b.nii.gz", "c.nii.gz", "scan.dcm"):
        assert sum(name in line and alone in line for line in lines) == 1, name
    assert sum("INFO weights" in line for line in lines) == 1
    shutil.copy(whole / "c.nii.gz", into)  # what was broken is sent again
    watching.wait_for(f"{into / 'c.nii.gz'}: segmented")
    watching.stop(signal.SIGTERM)
    names = ["a_seg.tif", "b_seg.nii.gz", "c_seg.nii.gz", "d_seg.nii.gz"]
    assert sorted(os.listdir(out)) == names
    for name in names:
        assert stored(out / name) == stored(tmp_path / "run" / name), name

    before = {name: (out / name).stat().st_mtime_ns for name in names}
    (into / "e.nii.gz").write_bytes((whole / "d.nii.gz").read_bytes())
    watching = start()
    watching.wait_for(f"{into / 'e.nii.gz'}: segmented")
    watching.stop(signal.SIGINT)
    assert {name: (out / name).stat().st_mtime_ns for name in names} == before
    assert watching.said().count(": segmented") == 1
    assert sorted(os.listdir(out)) == [*names, "e_seg.nii.gz"]


OVERTAKEN_THEN_STOPPED = """
import os, pathlib, signal, fire
import scripts.commands.watch as watching
import scripts.inference.sliding_window as inferers

whole, file, calls = inferers.GridInferer.__call__, pathlib.Path(os.environ["FILE"]), []

def disturbed(*arguments):
    calls.append(1)
    if len(calls) == 1:
        file.write_bytes(file.with_name(".next").read_bytes())
    else:
        os.kill(os.getpid(), signal.SIGTERM)
    return whole(*arguments)

inferers.GridInferer.__call__ = disturbed
fire.Fire(watching.watch)
"""


def test_a_file_that_changes_meanwhile_is_done_again_and_a_stop_in_its_midst_leaves_no_half(
    start, monkeypatch, tmp_path
):
    """The first inference is overtaken by a new file, the second, of that one, by a signal."""
    into, out = tmp_path / "in", tmp_path / "out"
    into.mkdir()
    nifti(into / "a.nii.gz")
    nib.save(nib.Nifti1Image(np.arange(8000.0, dtype=np.float32).reshape(20, 20, 20), np.eye(4)), into / "b.nii.gz")
    (into / "b.nii.gz").rename(into / ".next")
    monkeypatch.setenv("FILE", str(into / "a.nii.gz"))
    watching = start(words=("-c", OVERTAKEN_THEN_STOPPED))
    assert watching.process.wait(MAX_WAIT) == 0, watching.said()
    assert watching.said().splitlines()[-1].endswith("INFO stopped")
    assert watching.said().count(": segmented") == 1
    assert os.listdir(out) == ["a_seg.nii.gz"]
    assert nib.load(out / "a_seg.nii.gz").shape != (20, 20, 20)


def test_what_cannot_be_watched_is_refused(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(FileNotFoundError, match="none: no such folder; check --input_dir"):
        watch(tmp_path / "none", out)
    with pytest.raises(ValueError, match="is the watched folder itself; choose another --output_dir"):
        watch(tmp_path, tmp_path)
    for interval in (0, -1, "soon", True):
        with pytest.raises(ValueError, match=f"--interval {interval}: is not a number of seconds"):
            watch(tmp_path, out, interval=interval)
    with pytest.raises(ValueError, match="--threshold 2: is not a number from 0 to 1"):
        watch(tmp_path, out, threshold=2)
    with pytest.raises(FileNotFoundError, match=r"none\.json: no such config; check --overlays"):
        watch(tmp_path, out, overlays="none.json")
    with pytest.raises(ValueError, match=r"--save_probability .*: is not true or false"):
        watch(tmp_path, out, save_probability="perhaps")
    assert not out.exists()


def test_its_options_are_those_of_segment():
    """From the one table, so that no option is forgotten here."""
    options = [name for name in COMMANDS.described("watch").parameters if name not in ("input_dir", "interval")]
    assert sorted(options) == sorted({*used_options("inference"), "overlays"} - {"dataset_dir", "num_workers"})


def test_it_cleans_as_segment_does(tmp_path, tiny_weights, workflow):
    overlay = tmp_path / "tiny.json"
    overlay.write_text(json.dumps({"network_def#channels": TINY_CHANNELS}))
    given = {"smooth": 0.5, "hysteresis": 0.2, "fill_holes": "20 voxels", "min_size": 30, "invert": True}
    made = _workflow([str(overlay)], output_dir=str(tmp_path), ckpt_path=str(tiny_weights), label_value=255, **given)
    cleaning = made.parser.get_parsed_content("cleaning")
    assert {name: getattr(cleaning, name) for name in given} == given | {"invert": "true"}
    values = made.parser.get_parsed_content("postprocessing").transforms[-3].values
    assert values.tolist() == [0, 255]
    with pytest.raises(ValueError, match="--smooth 11: is not a number from 0 to 10"):
        watch(tmp_path, tmp_path / "out", smooth=11)
