"""OpenVINO takes PyTorch's place where it is asked for or pays, never where it finds something else."""

import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import torch

from scripts.core import UserError
from scripts.inference import EdgePaddedInferer, GridInferer, MultiscaleInferer
from scripts.inference.engine import CompiledNetwork, EngineInferer, quantised
from scripts.inference.engine import engine as module
from scripts.inference.engine.guard import Comparison
from scripts.inference.engine.quantised import fingerprint, load
from scripts.weights import Checkpoint, save_weights
from tests.inference.engine.examples import engine, logits_of, network, windows

VOLUME = windows(1, (64, 64, 32))


def chosen(inferer, net=None):
    def read(box):
        return VOLUME[0][(slice(None), *(slice(*each) for each in box))]

    return inferer.network_for(network() if net is None else net, VOLUME.shape[2:], read)


@pytest.fixture
def checkpoint(tmp_path):
    net = network()
    about = {"network": net.arguments, "normalisation": {"lower": 0.0, "upper": 100.0}, "threshold": 0.4}
    save_weights(tmp_path / "model.pt", net, about)
    return Checkpoint(tmp_path / "model.pt", net)


@pytest.fixture
def pays(monkeypatch):
    """Any volume is large enough, and int8 as fast as need be."""
    monkeypatch.setattr(module, "WORTH_IT", 0)
    monkeypatch.setattr(module, "FASTER", 0)


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"engine": "tensorflow"}, "--engine tensorflow: does not exist; give torch, openvino, auto"),
        ({"engine": "torch:GPU.0"}, "--engine torch:GPU.0: does not exist"),
        (
            {"engine": "torch", "amp": "int8"},
            "--amp int8: is not among what PyTorch computes in; give --engine openvino",
        ),
        (
            {"engine": "openvino:GPU.7"},
            "--engine openvino:GPU.7: is no device that OpenVINO finds here; give openvino:CPU",
        ),
    ],
)
def test_what_does_not_exist_is_refused(how, why):
    with pytest.raises(UserError) as error:
        engine(**how)
    assert str(error.value).startswith(why)


@pytest.mark.parametrize("how", [{"engine": "openvino"}, {"amp": "int8"}])
def test_without_openvino_one_line_names_the_extra(monkeypatch, how):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(UserError, match=r"needs openvino, which is not installed; pip install 'tubenet\[fast\]'"):
        engine(**how)


@pytest.mark.parametrize("how", [{"engine": "torch"}, {}, {"amp": True}, {"amp": "false"}])
def test_what_is_small_or_for_pytorch_stays_there(how):
    assert chosen(engine(**how)) is network()


def test_auto_does_without_openvino(monkeypatch, pays):
    monkeypatch.setattr(module, "has_openvino", lambda: False)
    assert chosen(engine()) is network()


@pytest.mark.parametrize(
    "net", [lambda batch: batch, torch.jit.script(torch.nn.Conv3d(1, 2, 1))], ids=["plain", "script"]
)
def test_what_is_no_network_of_pytorchs_stays(net):
    assert chosen(engine(engine="openvino"), net) is net


@pytest.mark.parametrize("amp", [True, False])
def test_openvino_in_floating_point(amp, caplog):
    with caplog.at_level(logging.INFO):
        found = chosen(engine(engine="openvino", amp=amp))
    assert isinstance(found, CompiledNetwork)
    assert f"engine: openvino in {'bf16' if amp else 'fp32'}" in caplog.text
    batch = windows(2)
    torch.testing.assert_close(found(batch), logits_of(network(), batch), atol=0.3 if amp else 1e-3, rtol=0.05)


@pytest.mark.parametrize("how", [{"engine": "openvino"}, {"amp": "int8"}])
def test_int8_is_calibrated_once_and_kept_beside_the_weights(checkpoint, caplog, monkeypatch, how):
    with caplog.at_level(logging.INFO):
        found = chosen(engine(**how, checkpoint=checkpoint))
    assert isinstance(found, CompiledNetwork)
    assert "calibrating int8 by 64 windows of this volume" in caplog.text
    assert "engine: openvino in int8" in caplog.text
    assert load(checkpoint.path.with_name("model.int8.zip"), fingerprint(network())) is not None
    monkeypatch.setattr(module, "quantise", None)  # not again, in this process or another
    again = chosen(engine(**how, checkpoint=checkpoint))
    assert torch.equal(again(windows(2)), found(windows(2)))


def test_a_folder_that_cannot_be_written_to_is_no_hindrance(checkpoint, caplog, monkeypatch):
    def full(path, *_):
        raise UserError(f"{path}: cannot be written") from None

    monkeypatch.setattr(module, "save", lambda path, *_: module.refuse(path, "cannot be written", "", OSError))
    with caplog.at_level(logging.INFO):
        assert isinstance(chosen(engine(amp="int8", checkpoint=checkpoint)), CompiledNetwork)
    assert "it is calibrated again the next time" in caplog.text


def test_a_calibration_of_other_weights_is_made_anew(checkpoint, caplog, monkeypatch):
    chosen(engine(amp="int8", checkpoint=checkpoint))
    other = network(channels=(4, 4))
    with caplog.at_level(logging.INFO):
        assert isinstance(chosen(engine(amp="int8", checkpoint=checkpoint), other), CompiledNetwork)
    assert "model.int8.zip: is of other weights, so it is not used" in caplog.text
    assert load(checkpoint.path.with_name("model.int8.zip"), fingerprint(other)) is not None


def test_auto_takes_int8_where_that_pays(pays, checkpoint, monkeypatch):
    assert isinstance(chosen(engine(checkpoint=checkpoint)), CompiledNetwork)
    monkeypatch.setattr(module, "FASTER", 1e6)
    assert chosen(engine(checkpoint=checkpoint)) is network()


def test_auto_does_not_calibrate_where_that_would_not_pay(monkeypatch, checkpoint):
    monkeypatch.setattr(module, "OF_TRYING", 0)
    monkeypatch.setattr(module, "quantise", None)
    assert chosen(engine(checkpoint=checkpoint)) is network()


@pytest.mark.parametrize("how", [{}, {"amp": "int8"}])
def test_where_int8_is_not_close_pytorch_goes_on_and_it_is_told(pays, checkpoint, caplog, monkeypatch, how):
    monkeypatch.setattr(module, "compare", lambda *_: Comparison(0.2, 0.6))
    with caplog.at_level(logging.INFO):
        assert chosen(engine(**how, checkpoint=checkpoint)) is network()
    (record,) = [each for each in caplog.records if "which is not close to float32: on 8 windows" in each.message]
    assert record.levelname == ("WARNING" if how else "INFO")
    assert "probabilities differ by 0.2 in the mean, and the masks' Dice is 0.600" in record.message


def test_the_weights_provenance_tells_what_computed(checkpoint, monkeypatch):
    inferer = engine(amp="int8", checkpoint=checkpoint)
    chosen(inferer)
    assert checkpoint.provenance["computed_by"] == "openvino in int8"
    monkeypatch.setattr(module, "compare", lambda *_: Comparison(0.2, 0.6))
    chosen(inferer)
    assert checkpoint.provenance["computed_by"] == "torch in fp32"
    engine(checkpoint=Checkpoint(None)).note(network())  # there is no result whose origin weights would be


def test_the_guard_goes_by_the_threshold(checkpoint, monkeypatch):
    seen = []
    monkeypatch.setattr(module, "compare", lambda *given: seen.append(given[3]) or Comparison(0, 1))
    chosen(engine(amp="int8", checkpoint=checkpoint, threshold=0.4))
    assert seen == [0.4]


@pytest.mark.parametrize("shape", [(64, 64, 32), (40, 33, 15)], ids=str)
def test_a_volume_in_int8_is_nearly_that_in_float32(shape, checkpoint):
    image = windows(1, shape)
    inferer = engine(amp="int8", checkpoint=checkpoint)
    with torch.inference_mode():
        found, expected = (torch.softmax(each(image, network()), 1) for each in (inferer, inferer.inferer))
    assert found.shape == (1, 2, *shape)
    assert 0 < (found - expected).abs().mean() < 0.02


def test_it_has_no_say_without_a_network_of_its_own_kind():
    assert EngineInferer(None, engine="torch").network_for(len, (1,), None) is len


def test_a_small_volume_before_a_large_one_is_no_hindrance(checkpoint, monkeypatch):
    monkeypatch.setattr(module, "OF_TRYING", 0)
    monkeypatch.setattr(module, "FASTER", 0)
    inferer = engine(checkpoint=checkpoint)
    assert chosen(inferer) is network()
    monkeypatch.setattr(module, "OF_CALIBRATION", 0)
    assert isinstance(chosen(inferer), CompiledNetwork)


def test_it_is_compiled_once_for_all_volumes(checkpoint):
    inferer = engine(amp="int8", checkpoint=checkpoint)
    assert chosen(inferer) is chosen(inferer)


@pytest.mark.parametrize("name", ["to_graph", "quantise", "load", "compare", "spread_windows"])
def test_what_fails_is_pytorchs_unless_openvino_is_asked_for(pays, checkpoint, caplog, monkeypatch, name):
    def fails(*_):
        raise RuntimeError("broken\nin many lines")

    monkeypatch.setattr(module if name != "to_graph" else quantised, name, fails)
    assert chosen(engine(checkpoint=checkpoint)) is network()
    assert "engine: torch, for OpenVINO fails: " in caplog.text
    with pytest.raises(RuntimeError, match="broken"):
        chosen(engine(amp="int8", checkpoint=checkpoint))


def test_openvino_that_does_not_start_is_no_hindrance(pays, checkpoint, caplog, monkeypatch):
    chosen(engine(checkpoint=checkpoint))  # there is a file now
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setattr(module, "has_openvino", lambda: True)
    assert chosen(engine(checkpoint=checkpoint)) is network()
    assert "engine: torch, for OpenVINO fails: --engine openvino: needs openvino" in caplog.text


def test_where_int8_is_not_close_the_engine_that_was_asked_for_goes_on(checkpoint, caplog, monkeypatch):
    monkeypatch.setattr(module, "compare", lambda *_: Comparison(0.2, 0.6))
    found = chosen(engine(engine="openvino", checkpoint=checkpoint))
    batch = windows(2)
    torch.testing.assert_close(found(batch), logits_of(network(), batch), atol=1e-3, rtol=1e-3)


def test_requests_in_threads_convert_one_after_another(tmp_path):
    networks = [network(channels=(4, 4 * width)) for width in (1, 2, 3)]
    inferer = engine(amp="int8")
    with ThreadPoolExecutor(3) as pool:
        assert all(isinstance(each, CompiledNetwork) for each in pool.map(partial(chosen, inferer), networks))


@pytest.mark.parametrize(("scale", "share"), [("auto", 1.0), (1, 1.0), (0.5, 1 / 8)])
def test_the_size_at_which_the_network_sees_a_volume_counts(scale, share):
    grid = GridInferer((64, 64, 64), overlap=0, sw_batch_size=2)
    inferer = EngineInferer(MultiscaleInferer(scale, EdgePaddedInferer(32, grid)))
    assert inferer._windows_in((256, 256, 256), 32) == pytest.approx(64 * share)
