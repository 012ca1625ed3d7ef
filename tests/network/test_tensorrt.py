"""TensorRT as far as it goes without a GPU: what is refused, and the ONNX file that MONAI gives to it."""

import onnxruntime
import pytest
import torch
from monai.networks.trt_compiler import get_dynamic_axes
from monai.networks.utils import convert_to_onnx

from scripts.inference import EdgePaddedInferer, GridInferer
from scripts.network import TubeNet, by_tensorrt
from scripts.network.tensorrt import INPUT, PACKAGES, check_capable, window_profile
from tests.helpers.bundle_command import TINY_CHANNELS, TINY_NETWORK


@pytest.mark.skipif(torch.cuda.is_available(), reason="a machine without a GPU")
def test_without_a_gpu_it_is_refused_in_one_line(bundle, tiny_dataset, tiny_weights, tmp_path):
    options = {"dataset_dir": tiny_dataset, "output_dir": tmp_path / "out", "ckpt_path": tiny_weights, **TINY_NETWORK}
    refused = bundle.run(("inference", "inference_trt"), **options)
    refused.refused("TensorRT: needs an NVIDIA GPU, and the device is cpu; leave inference_trt.json out")
    assert not (tmp_path / "out").exists()


def test_packages_that_are_missing_are_named(monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    found = {"cuda", "onnx", "onnxscript"}
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name if name in found else None)
    with pytest.raises(ValueError, match="TensorRT: tensorrt, polygraphy, onnx-graphsurgeon not installed; pip"):
        check_capable("cuda:0")
    found.update(PACKAGES)
    check_capable("cuda:0")


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="--precision int8: is not known; give one of fp32, tf32, bf16, fp16"):
        by_tensorrt(torch.nn.Identity(), "model.pt", "cuda", [64, 64, 64], 1, "int8")


def test_the_profile_holds_every_window():
    """Of volumes thinner and larger than the window, and of the last batch, which is not full."""
    profile = window_profile([64, 96, 64], batch_size=3)
    (smallest, usual, largest) = profile[INPUT]
    assert (smallest, usual, largest) == ([1, 1, 32, 32, 32], [3, 1, 64, 96, 64], [3, 1, 64, 96, 64])
    seen = []

    def network(x):
        seen.append(tuple(x.shape))
        return x

    for shape in ((15, 20, 9), (70, 100, 15), (100, 130, 70)):
        EdgePaddedInferer(32, GridInferer([64, 96, 64], sw_batch_size=3))(torch.rand(1, 1, *shape), network)
    assert len(set(seen)) > 3
    for shape in seen:
        assert all(low <= side <= high for low, side, high in zip(smallest, shape, largest, strict=True))


@pytest.mark.slow
def test_the_onnx_file_of_the_engine_computes_what_the_network_does(tmp_path):
    """As MONAI's compiler writes it: from the first window, whatever its shape, with these axes free."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = TubeNet(channels=TINY_CHANNELS).eval()
    axes = get_dynamic_axes([window_profile([64, 64, 64], batch_size=2)])
    assert axes == {INPUT: [0, 2, 3, 4]}
    path = tmp_path / "engine.onnx"
    first = {INPUT: torch.rand(1, 1, 64, 64, 32)}
    convert_to_onnx(network, first, filename=path, input_names=[INPUT], output_names=[], dynamic_axes=axes)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for shape in ((1, 1, 64, 64, 32), (2, 1, 64, 64, 64), (1, 1, 32, 64, 32)):
        x = torch.rand(shape, generator=torch.Generator().manual_seed(0))
        (found,) = session.run(None, {INPUT: x.numpy()})
        with torch.no_grad():
            torch.testing.assert_close(torch.from_numpy(found), network(x), rtol=0, atol=1e-3)
