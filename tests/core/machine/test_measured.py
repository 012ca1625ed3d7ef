"""What is measured once is looked up from then on, and measured again where that is lost or was of something else."""

import json
import logging

import pytest
import torch

from scripts.core.machine import measured


class Measure:
    """What was measured: 1, 2, 3..., one more each time."""

    times = 0

    def __call__(self):
        self.times += 1
        return float(self.times)


@pytest.fixture
def measure():
    return Measure()


def anew(measure, what="prediction"):
    """What another process gets."""
    measured._known.cache_clear()
    return measured.measured_once(what, torch.device("cpu"), measure)


def test_it_is_looked_up_the_next_time(measure, nothing_measured):
    assert [anew(measure), anew(measure), anew(measure, "training"), anew(measure, "training")] == [1, 1, 2, 2]
    names = list(json.loads(nothing_measured.read_text()))
    assert [name.split(" on ")[0] for name in names] == ["prediction", "training"]
    assert all(torch.__version__ in name and f"{torch.get_num_threads()} threads" in name for name in names)


@pytest.mark.parametrize("changed", ["threads", "instructions", "limit", "release"])
def test_something_else_is_measured_again(measure, monkeypatch, nothing_measured, changed):
    anew(measure)
    if changed == "threads":
        monkeypatch.setattr(torch, "get_num_threads", lambda: 77)
    elif changed == "instructions":
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    elif changed == "limit":
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    else:
        monkeypatch.setattr(torch, "__version__", "99")
    assert anew(measure) == 2


@pytest.mark.parametrize("damage", ["", "[1]", '{"a": "b"}', "[" * 10**5, '{"NAME": -1}', '{"NAME": NaN}', b"\xff"])
def test_a_damaged_cache_is_written_again(measure, nothing_measured, damage):
    anew(measure)
    (name,) = json.loads(nothing_measured.read_text())
    nothing_measured.write_bytes(damage if isinstance(damage, bytes) else damage.replace("NAME", name).encode())
    assert [anew(measure), anew(measure)] == [2, 2]


def test_where_nothing_can_be_written_each_process_measures(measure, nothing_measured, caplog):
    nothing_measured.parent.write_text("a file where the folder is to be")
    with caplog.at_level(logging.INFO):
        assert [anew(measure), measured.measured_once("prediction", "cpu", measure), anew(measure)] == [1, 1, 2]
    assert not caplog.text


def test_the_home_folder_holds_it_by_default(measure, nothing_measured, monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    anew(measure)
    assert (tmp_path / ".cache" / measured.CACHE).is_file()


def test_what_another_process_wrote_meanwhile_is_kept(measure, nothing_measured):
    anew(measure)
    other = json.loads(nothing_measured.read_text()) | {"theirs": 9.0}
    nothing_measured.write_text(json.dumps(other))
    measured.measured_once("training", "cpu", measure)
    assert json.loads(nothing_measured.read_text())["theirs"] == 9


def test_a_processor_has_a_name():
    assert measured.processor()
