"""The network that begins a volume goes on with it; in int8, blocks find what is found in memory."""

import logging

import numpy as np
import torch

from scripts.inference import EngineInferer
from scripts.inference.blockwise import chosen
from scripts.inference.blockwise.chosen import BY_OPENVINO, network_for
from scripts.inference.blockwise.work_folder import WorkFolder
from scripts.inference.engine import CompiledNetwork
from scripts.io import read_volume
from tests.inference.blockwise import test_segment
from tests.inference.blockwise.examples import Held, inferers, narrow, tubes
from tests.inference.blockwise.test_segment import folder_run, same_files, stack


def test_what_was_chosen_is_kept_and_chosen_again(tmp_path, monkeypatch):
    image, inferer = Held(tubes((64, 32, 32))), EngineInferer(inferers()[0], amp="int8")
    with WorkFolder(tmp_path / "a", {}).open():
        folder = WorkFolder(tmp_path / "a", {})
        folder.state = {"fingerprint": folder.fingerprint}
        assert isinstance(network_for(inferer, narrow(), image, folder), CompiledNetwork)
        assert folder.state[BY_OPENVINO] is True
        folder.keep(**{BY_OPENVINO: False})
        assert network_for(inferer, narrow(), image, folder) is narrow()


def test_without_an_engine_nothing_is_kept(tmp_path):
    folder = WorkFolder(tmp_path / "a", {})
    assert network_for(inferers()[0], narrow(), Held(tubes((32, 32, 32))), folder) is narrow()
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


def test_rounding_is_for_pytorchs_network_only(monkeypatch, tmp_path):
    monkeypatch.setattr(chosen, "precision", lambda inferer: "bf16")
    found = network_for(inferers()[0], narrow(), Held(np.zeros((32, 32, 32), np.float32)), WorkFolder(tmp_path, {}))
    assert next(found.parameters()).dtype == torch.bfloat16
