"""What `--amp auto` goes by is measured once, and measured again where that is lost or was of something else."""

import json
import logging

import pytest
import torch

from scripts.core.machine import precision
from scripts.core.machine.precision import gain_of_bfloat16, measure_gain


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and nothing known to this process."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    precision._gain.cache_clear()
    yield tmp_path / "tubenet" / "precision.json"
    precision._gain.cache_clear()


@pytest.fixture
def measured(monkeypatch):
    """What was measured: whether for training, each time; the gains are 1, 2, 3..."""
    asked = []
    monkeypatch.setattr(precision, "measure_gain", lambda _, training: asked.append(training) or float(len(asked)))
    return asked


def anew(training=False):
    """The gain as another process gets it."""
    precision._gain.cache_clear()
    return gain_of_bfloat16(torch.device("cpu"), training)


@pytest.mark.parametrize("training", [False, True])
def test_both_are_timed(training):
    threads = torch.get_num_threads()
    assert 0 <= measure_gain("cpu", training) < 1e4
    assert torch.get_num_threads() == threads


def test_a_machine_that_only_imitates_it_is_found_out_by_a_small_one(monkeypatch):
    sides = []

    monkeypatch.setattr(precision, "_seconds", lambda *words, **_: sides.append(words[2]) or 0.1)
    assert measure_gain("cpu", True) == 0
    assert set(sides) == {precision.SMALL}


def test_the_least_of_each_counts(monkeypatch):
    """Three small ones, a first of each type, and two of each: of the last, 20 and 4 ms are least."""
    each = iter([9, 0.001, 9, 9, 9, 0.03, 0.004, 0.02, 0.1])
    monkeypatch.setattr(precision, "_seconds", lambda *_, **__: next(each))
    assert measure_gain("cpu", False) == pytest.approx(5)
    assert next(each, None) is None


def test_it_is_looked_up_the_next_time(measured, cache):
    assert [anew(), anew(), anew(training=True), anew(training=True)] == [1, 1, 2, 2]
    assert measured == [False, True]
    names = list(json.loads(cache.read_text()))
    assert [name.split(" on ")[0] for name in names] == ["prediction", "training"]
    assert all(torch.__version__ in name and f"{torch.get_num_threads()} threads" in name for name in names)


@pytest.mark.parametrize("changed", ["threads", "instructions", "limit", "release"])
def test_something_else_is_measured_again(measured, monkeypatch, changed):
    anew()
    if changed == "threads":
        monkeypatch.setattr(torch, "get_num_threads", lambda: 77)
    elif changed == "instructions":
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    elif changed == "limit":
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    else:
        monkeypatch.setattr(torch, "__version__", "99")
    assert anew() == 2


@pytest.mark.parametrize("damage", ["", "[1]", '{"a": "b"}', "[" * 10**5, '{"NAME": -1}', '{"NAME": NaN}', b"\xff"])
def test_a_damaged_cache_is_written_again(measured, cache, damage):
    anew()
    (name,) = json.loads(cache.read_text())
    cache.write_bytes(damage if isinstance(damage, bytes) else damage.replace("NAME", name).encode())
    assert [anew(), anew()] == [2, 2]


def test_where_nothing_can_be_written_each_process_measures(measured, cache, tmp_path, caplog):
    (tmp_path / "tubenet").write_text("a file where the folder is to be")
    with caplog.at_level(logging.INFO):
        assert [anew(), gain_of_bfloat16("cpu", False), anew()] == [1, 1, 2]
    assert not caplog.text


def test_the_home_folder_holds_it_by_default(measured, monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    anew()
    assert (tmp_path / ".cache" / precision.CACHE).is_file()
