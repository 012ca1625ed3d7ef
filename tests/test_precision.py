import pytest
import torch

from scripts.precision import bfloat16, has_bfloat16


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


def test_this_processor_answers():
    assert has_bfloat16("cpu") in (True, False)


@pytest.mark.parametrize("native", [True, False])
def test_a_gpu_has_it_where_it_is_not_emulated(monkeypatch, native):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    assert has_bfloat16("cuda:1") is native


def test_other_devices_are_left_alone():
    assert has_bfloat16("mps") is False


def test_what_is_none_of_them_is_refused():
    with pytest.raises(ValueError, match="--amp must be auto, true or false, got 'maybe'"):
        bfloat16("maybe", "cpu")
