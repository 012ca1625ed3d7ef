"""The network that begins a volume goes on with it; in int8, blocks find what is found in memory."""

import logging
import sys

import numpy as np
import pytest
import torch

from scripts.core import UserError
from scripts.inference import EngineInferer
from scripts.inference.blockwise import chosen
from scripts.inference.blockwise.chosen import ENGINE, FILE, network_for
from scripts.inference.blockwise.work_folder import WorkFolder
from scripts.inference.engine import CompiledNetwork
from scripts.io import read_volume
from tests.inference.blockwise import test_segment
from tests.inference.blockwise.examples import Held, inferers, narrow, tubes
from tests.inference.blockwise.test_segment import folder_run, same_files, stack

IMAGE = Held(tubes((64, 32, 32)))


@pytest.fixture
def folder(tmp_path):
    with WorkFolder(tmp_path / "a", {}).open():
        yield WorkFolder(tmp_path / "a", {})


def int8(**how):
    return EngineInferer(inferers()[0], amp="int8", **how)


def test_a_run_goes_on_by_the_very_network_that_it_began_with(folder, monkeypatch, caplog):
    began = network_for(int8(), narrow(), IMAGE, folder)
    monkeypatch.setattr("scripts.inference.engine.engine.quantise", None)  # it is not calibrated again
    monkeypatch.setattr("scripts.inference.engine.engine.compare", None)  # nor tried
    with caplog.at_level(logging.INFO):
        goes_on = network_for(int8(), narrow(), IMAGE, folder)
    assert isinstance(goes_on, CompiledNetwork)
    assert goes_on.precision == began.precision == folder.state[ENGINE]
    batch = torch.from_numpy(IMAGE.voxels[None, None, :32])
    assert torch.equal(goes_on(batch), began(batch))
    assert "engine: openvino, by which this run began" in caplog.text


def test_one_that_began_by_pytorch_goes_on_so(folder):
    folder.keep(**{ENGINE: "torch"})
    assert network_for(int8(), narrow(), IMAGE, folder) is narrow()


@pytest.mark.parametrize("harm", ["gone", "cut", "without OpenVINO"])
def test_nothing_else_takes_its_place(folder, monkeypatch, harm):
    network_for(int8(), narrow(), IMAGE, folder)
    engine = int8()
    if harm == "gone":
        (folder.path / FILE).unlink()
    elif harm == "cut":
        (folder.path / FILE).write_bytes((folder.path / FILE).read_bytes()[:-50])
    else:
        monkeypatch.setitem(sys.modules, "openvino", None)
    why = "needs openvino" if harm == "without OpenVINO" else "began with is gone; remove .*, and begin again"
    with pytest.raises(UserError, match=why):
        network_for(engine, narrow(), IMAGE, folder)


def test_without_an_engine_nothing_is_kept(folder):
    assert network_for(inferers()[0], narrow(), IMAGE, folder) is narrow()
    assert folder.state == {}


def test_files_by_blocks_are_those_in_memory(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(test_segment, "inferers", lambda **how: (EngineInferer(inferers(**how)[0], amp="int8"),))
    path = stack(tmp_path / "a.tif")
    with caplog.at_level(logging.INFO):
        for blocks in ("true", "false"):
            folder_run(path, tmp_path / blocks, blocks, narrow(), overlap=0.25)
    assert caplog.text.count("engine: openvino in int8") == 2
    same_files(tmp_path / "true", tmp_path / "false")
    assert read_volume(tmp_path / "true" / "a_seg.tif")[1].any()


def test_rounding_is_for_pytorchs_network_only(monkeypatch, folder):
    monkeypatch.setattr(chosen, "precision", lambda inferer: "bf16")
    found = network_for(inferers()[0], narrow(), Held(np.zeros((32, 32, 32), np.float32)), folder)
    assert next(found.parameters()).dtype == torch.bfloat16
