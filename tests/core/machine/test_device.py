import pytest
import torch

from scripts.core import bfloat16
from scripts.core.machine.device import has_bfloat16


@pytest.mark.parametrize(
    ("instructions", "expected"),
    [({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({"avx512_f": True}, False), ({"bf16": True}, False)],
    ids=str,
)
def test_a_processor_has_it_where_it_has_instructions_for_it(monkeypatch, instructions, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: instructions)
    assert has_bfloat16("cpu") is expected
    assert bfloat16("auto", "cpu") is expected
    assert bfloat16("true", "cpu") is True
    assert bfloat16(False, torch.device("cpu")) is False


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
