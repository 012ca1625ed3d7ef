"""A network in int8 finds nearly the same; its file is used for its own weights only, and only whole."""

import hashlib
import json
import logging
import zipfile

import pytest
import torch

from scripts.core import UserError
from scripts.inference.engine import quantised
from scripts.inference.engine.compiled import CompiledNetwork, to_bytes
from scripts.inference.engine.graph import to_graph
from scripts.inference.engine.quantised import file_beside, fingerprint, load, save
from tests.inference.engine.examples import graph, logits_of, network, windows


def test_probabilities_are_nearly_those_of_float32_and_not_the_same():
    batch = windows(4)
    found, expected = (
        torch.softmax(each, 1)[:, 1] for each in (CompiledNetwork(graph(), "fp32")(batch), logits_of(network(), batch))
    )
    difference = (found - expected).abs()
    assert 0 < difference.mean() < 0.2 * expected.std()


def test_convolutions_are_in_int8():
    text = to_bytes(graph())[0].decode()
    assert text.count('type="FakeQuantize"') >= 6
    assert 'element_type="i8"' in text


def test_a_file_is_read_as_it_was_written(tmp_path):
    path = file_beside(tmp_path / "model.pt")
    assert path.name == "model.int8.zip"
    save(path, graph(), fingerprint(network()))
    batch = windows(2)
    found = load(path, fingerprint(network()))
    assert torch.equal(CompiledNetwork(found, "fp32")(batch), CompiledNetwork(graph(), "fp32")(batch))
    assert load(tmp_path / "other.int8.zip", "") is None


def test_that_of_other_weights_is_not_used(tmp_path, caplog):
    save(tmp_path / "a.int8.zip", graph(), fingerprint(network()))
    changed = fingerprint(network(channels=(4, 4)))
    with caplog.at_level(logging.INFO):
        assert load(tmp_path / "a.int8.zip", changed) is None
    assert "a.int8.zip: is of other weights, so it is not used" in caplog.text


def test_the_fingerprint_is_that_of_the_numbers():
    net = network(channels=(4, 4))
    before = fingerprint(net)
    assert before == fingerprint(net) != fingerprint(network())
    with torch.no_grad():
        next(net.parameters()).view(-1)[0] += 1e-3
    assert fingerprint(net) != before


def _cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def _no_zip(path):
    path.write_bytes(b"no zip")


def _unpacks_into_much(path):
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("more", bytes(2**24))


def _other_graph(path):
    with zipfile.ZipFile(path) as file:
        about = file.read("about.json")
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("about.json", about)
        file.writestr("graph.xml", "<net/>")
        file.writestr("graph.bin", b"")


def _list(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("about.json", json.dumps([1]))


def _again(path, change):
    """Write it anew with another content of each file, and a hash that fits."""
    with zipfile.ZipFile(path) as file:
        text, numbers = change(file.read("graph.xml"), file.read("graph.bin"))
    with zipfile.ZipFile(path, "w") as file:
        about = {"weights": "weights", "graph": hashlib.sha256(text + numbers).hexdigest()}
        file.writestr("about.json", json.dumps(about))
        file.writestr("graph.xml", text)
        file.writestr("graph.bin", numbers)


def _other_numbers(path):
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    parts["graph.bin"] = parts["graph.bin"][:-8] + bytes(8)
    with zipfile.ZipFile(path, "w") as file:
        for name, content in parts.items():
            file.writestr(name, content)


def _spoilt_stream(path):
    content = bytearray(path.read_bytes())
    at = content.index(b"graph.bin") + 200
    content[at : at + 400] = bytes(400)
    path.write_bytes(content)


def _of_four_classes(path):
    _again(path, lambda *_: to_bytes(to_graph(network(classes=4))))


def _no_graph_but_a_hash(path):
    _again(path, lambda text, numbers: (b"<net/>", numbers))


SPOILS = [_cut, _no_zip, _unpacks_into_much, _other_graph, _list, _other_numbers, _spoilt_stream, _of_four_classes]


@pytest.mark.parametrize("spoil", [*SPOILS, _no_graph_but_a_hash])
def test_a_damaged_file_is_told_and_not_used(tmp_path, caplog, spoil):
    path = tmp_path / "a.int8.zip"
    save(path, graph(), "weights")
    spoil(path)
    assert load(path, "weights", 2) is None
    assert "a.int8.zip: is damaged, so it is not used" in caplog.text


def test_what_fails_to_be_written_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "a.int8.zip"
    path.write_bytes(b"before")

    class Full(zipfile.ZipFile):
        def writestr(self, *args):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(quantised.zipfile, "ZipFile", Full)
    with pytest.raises(UserError, match="No space left on device"):
        save(path, graph(), "weights")
    assert [each.name for each in tmp_path.iterdir()] == ["a.int8.zip"]
    assert path.read_bytes() == b"before"


def test_nothing_is_printed(capsys):
    quantised.quantise(network(channels=(4, 4)), windows(2))
    assert capsys.readouterr().out == ""
