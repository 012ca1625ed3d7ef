"""The log of a run over a folder: a line before each volume is read, and one about the whole."""

import logging
import re
from types import SimpleNamespace

import numpy as np
import pytest
from ignite.engine import Engine
from monai.inferers import SimpleInferer

from scripts.core import size
from scripts.data import HEADER
from scripts.inference import told_volumes
from scripts.inference.estimate import Estimate
from tests.helpers.volume_examples import imagej
from tests.inference.test_folder import Folder, ramp


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    np.save(folder / "a.npy", ramp())
    (folder / "b.npy").write_bytes(b"")
    imagej(folder / "c.tif")
    return folder


def told(caplog):
    lines = [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith("scripts") and record.levelno == logging.INFO
    ]
    return [re.sub(r"\d+(\.\d+)? [MG]?[Bs]\b", "N", line) for line in lines]


def test_each_volume_is_told_before_it_is_read(folder, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    out = tmp_path / "out"
    with pytest.raises(ValueError, match="1 of 3 volumes"):
        Folder(folder, out).segment()
    lines = told(caplog)
    assert lines[0] == "segmenting 2 volumes on cpu in fp32, about N of memory"
    assert lines[1] == "volume 1 of 2, a: 5×4×3 voxels, voxel size not stated"
    assert lines[2:4] == [f"wrote {out / 'a_prob.npy'}", f"wrote {out / 'a_seg.npy'}"]
    assert re.fullmatch(r"volume 2 of 2, c: \d+×\d+×\d+ voxels of [\d.]+×[\d.]+×[\d.]+ µm", lines[4])


def test_one_volume_has_no_number(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    np.save(tmp_path / "a.npy", ramp())
    Folder(tmp_path / "a.npy", tmp_path / "out").segment()
    lines = told(caplog)
    assert lines[1] == "a: 5×4×3 voxels, voxel size not stated"
    assert lines[-1] == f"1 volume segmented in N, into {tmp_path / 'out'}"


def test_what_does_not_fit_is_left_out_before_it_is_read(folder, tmp_path, caplog, monkeypatch):
    np.save(folder / "b.npy", ramp()[:4])
    (folder / "c.tif").unlink()
    free = 10**7
    monkeypatch.setattr("scripts.inference.estimate.free_memory", lambda: free)
    needs = {(5, 4, 3): free + 1}
    monkeypatch.setattr(
        "scripts.inference.progress.estimate_volume",
        lambda shape, *how: Estimate(work=1, nbytes=needs.get(tuple(shape), free)),
    )
    with pytest.raises(ValueError, match="this 1 of 2 volumes could not be segmented"):
        Folder(folder, tmp_path / "out").segment()
    assert (tmp_path / "out" / "b_seg.npy").is_file()
    assert f"{folder / 'a.npy'}: segmenting its 5×4×3 voxels takes about {size(free)}" in caplog.text
    with pytest.raises(MemoryError, match="segmenting its 5×4×3 voxels"):
        Folder(folder / "a.npy", tmp_path / "out").segment()


def test_processes_that_share_volumes_number_all_of_them(caplog):
    caplog.set_level(logging.INFO)
    evaluator = Engine(lambda engine, batch: None)
    evaluator.inferer, evaluator.network, evaluator.state.device = SimpleInferer(), None, "cpu"
    evaluator.data_loader = SimpleNamespace(sampler=range(1, 4, 2))  # those of the second of two processes
    header = SimpleNamespace(shape=(5, 4, 3), affine=np.eye(4), description="5×4×3 voxels")
    volumes = [{"name": name, "image": f"{name}.tif", HEADER: header} for name in "abcd"]
    with told_volumes(evaluator, volumes, task="scoring"):
        evaluator.run([0, 1])
    lines = told(caplog)
    assert lines[0].startswith("scoring 4 volumes on cpu")
    assert lines[1:] == ["volume 2 of 4, b: 5×4×3 voxels", "volume 4 of 4, d: 5×4×3 voxels"]
