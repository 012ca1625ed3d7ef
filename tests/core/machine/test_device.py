import logging

import pytest
import torch

from scripts.core import bfloat16
from scripts.core.machine import device
from scripts.core.machine.device import has_bfloat16


@pytest.mark.parametrize(
    ("instructions", "expected"),
    [({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({"avx512_f": True}, False), ({"bf16": True}, False)],
    ids=str,
)
def test_a_processor_has_it_where_it_has_instructions_for_it(monkeypatch, instructions, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: instructions)
    monkeypatch.setattr(device, "gain_of_bfloat16", lambda *_: 2.0)
    assert has_bfloat16("cpu") is expected
    assert bfloat16("auto", "cpu") is expected
    assert bfloat16("true", "cpu") is True
    assert bfloat16(False, torch.device("cpu")) is False


@pytest.mark.parametrize(("gain", "expected"), [(0.0, False), (0.5, False), (1.04, False), (1.06, True)])
def test_it_is_taken_where_it_was_measured_to_be_faster(monkeypatch, caplog, gain, expected):
    asked = []
    monkeypatch.setattr(device, "has_bfloat16", lambda _: True)
    monkeypatch.setattr(device, "gain_of_bfloat16", lambda *arguments: asked.append(arguments) or gain)
    with caplog.at_level(logging.INFO):
        assert bfloat16("auto", "cpu", training=True) is expected
        assert bfloat16(True, "cpu") is True
        assert bfloat16("false", "cpu") is False
    assert asked == [("cpu", True)]
    how = f"{gain:.2g} times as fast here as fp32" if gain else "only imitated here"
    told = f"--amp auto: {'bf16' if expected else 'fp32'}, for bf16 is {how}"
    assert caplog.text.count(told) == caplog.text.count("--amp") == 1


def test_a_gpu_has_it_from_ampere_on(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", {"cuda:0": (7, 5), "cuda:1": (8, 0)}.get)
    assert has_bfloat16("cuda:1") is True
    assert has_bfloat16("cuda:0") is False


def test_other_devices_are_left_alone():
    assert has_bfloat16("mps") is False


def test_what_is_none_of_them_is_refused():
    with pytest.raises(ValueError, match="--amp maybe: is neither auto nor true or false"):
        bfloat16("maybe", "cpu")


@pytest.mark.parametrize(
    ("there", "runs", "chosen"),
    [
        (["cuda", "mps"], True, "cuda"),
        (["mps"], True, "mps"),
        (["mps"], False, "cpu"),
        ([], True, "cpu"),
    ],
    ids=str,
)
def test_the_best_device_that_can_run_the_network(monkeypatch, there, runs, chosen, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in there)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in there)
    monkeypatch.setattr(device, "can_run_network", lambda name: runs)
    assert device.best_device() == chosen
    assert ("PYTORCH_ENABLE_MPS_FALLBACK=1" in caplog.text) == (there == ["mps"] and not runs)


def test_every_operation_is_tried():
    assert device.can_run_network("cpu")
    assert not device.can_run_network("meta")  # has shapes and no values, as a GPU may lack an operation


def test_an_operation_that_is_missing(monkeypatch):
    def missing(*args, **kwargs):
        raise NotImplementedError("The operator 'aten::max_pool3d_with_indices' is not currently implemented for MPS")

    monkeypatch.setattr(torch.nn.functional, "max_pool3d", missing)
    device.can_run_network.cache_clear()
    assert not device.can_run_network("cpu")
    device.can_run_network.cache_clear()


def test_a_macs_gpu_computes_in_single_precision_alone():
    assert device.has_float64("cpu")
    assert not device.has_float64("mps")
    assert bfloat16("auto", "mps") is False
    assert device.device_name("cpu") == "cpu"
