"""The network as TorchScript, as ONNX and as a torch.export program: each computes what the network does."""

import json
import os

import onnxruntime
import pytest
import torch

from scripts.network import TubeNet
from scripts.weights import Checkpoint, read_sidecar, save_weights
from scripts.weights.export import SIDECAR, export_network, export_program
from tests.helpers.bundle_command import BUNDLE, TINY_CHANNELS, network_arguments

SHIPPED = BUNDLE / "models" / "model.pt"
OVERLAYS = {"shipped": [], "attention": ["overlays/attention"], "published": ["overlays/published"]}
# batches of patches; the last two as of a thin stack: one voxel along Z in the deepest layer
SHAPES = [(1, 1, 64, 64, 64), (2, 1, 96, 64, 32), (1, 1, 64, 64, 32)]
# of logits: normalising four voxels of a deepest layer of one voxel makes much of the last digits
TOLERANCE = 1e-3
DYNAMIC = {
    "input_names": ["image"],
    "output_names": ["pred"],
    "dynamic_axes": {"image": {0: "batch", 2: "x", 3: "y", 4: "z"}},
}


def network_of(weights):
    network = TubeNet(**read_sidecar(weights)["network"])
    Checkpoint(weights).load_into(network)
    return network.eval()


@pytest.fixture(scope="module", params=sorted(OVERLAYS))
def graph(request, tmp_path_factory):
    """A name and weights: the shipped ones, or tiny ones of the graph that an overlay makes."""
    if not OVERLAYS[request.param]:
        return request.param, SHIPPED
    (overlay,) = OVERLAYS[request.param]
    arguments = network_arguments(overlay.removeprefix("overlays/"))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = TubeNet(**{**arguments, "channels": TINY_CHANNELS})
    weights = tmp_path_factory.mktemp(request.param) / "tiny.pt"
    save_weights(weights, network, {"network": network.arguments, "threshold": 0.5})
    return request.param, weights


def export(bundle, command, graph, path, *further):
    """A command of MONAI's as docs/how-to/deploy.md has it."""
    name, weights = graph
    files = [f"configs/{config}.json" for config in ("inference", *OVERLAYS[name])]
    config = ("--config_file", files[0] if len(files) == 1 else files, "--meta_file", "configs/metadata.json")
    channels = ("--network_def#channels", read_sidecar(weights)["network"]["channels"])
    bundle(command, "network_def", "--filepath", path, "--ckpt_file", weights, *config, *channels, *further).ok()


def run_by_onnxruntime(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda x: torch.from_numpy(session.run(["pred"], {"image": x.numpy()})[0])


def same_as(graph, exported, times=1):
    """Assert that it gives the logits of the network in evaluation mode, for every shape."""
    network = network_of(graph[1])
    for shape in SHAPES:
        x = torch.rand(shape, generator=torch.Generator().manual_seed(sum(shape)))
        for _ in range(times):
            with torch.no_grad():
                expected, found = network(x), exported(x)
            torch.testing.assert_close(found, expected, rtol=0, atol=TOLERANCE)
        assert expected.std() > 100 * TOLERANCE


def test_torchscript_equals_the_network(bundle, graph, tmp_path):
    """As loaded, without a word on its mode; the compiler optimises only after a first call."""
    export(bundle, "ckpt_export", graph, tmp_path / "model.ts")
    same_as(graph, torch.jit.load(tmp_path / "model.ts"), times=1 if graph[0] == "shipped" else 3)


@pytest.mark.slow
def test_onnx_equals_the_network(bundle, graph, tmp_path):
    further = ("--input_shape", [2, 1, 64, 64, 64], "--converter_kwargs", DYNAMIC)
    export(bundle, "onnx_export", graph, tmp_path / "model.onnx", *further)
    assert os.listdir(tmp_path) == ["model.onnx"]  # the weights are inside
    same_as(graph, run_by_onnxruntime(tmp_path / "model.onnx"))


@pytest.mark.slow
def test_torch_export_equals_the_network(graph, tmp_path):
    _, weights = graph
    path = export_program(tmp_path / "model.pt2", weights)
    told = {SIDECAR: ""}
    program = torch.export.load(path, extra_files=told)
    assert json.loads(told[SIDECAR]) == read_sidecar(weights)
    assert os.listdir(tmp_path) == ["model.pt2"]
    same_as(graph, program.module())


def test_a_program_is_one_of_evaluation_whatever_the_network_was_in():
    network = TubeNet(channels=TINY_CHANNELS, dropout=0.5).train()
    program = export_network(network).module()
    x = torch.rand(1, 1, 64, 32, 32)
    assert torch.equal(program(x), program(x))
    assert torch.equal(program(x), network.eval()(x))


def test_what_cannot_be_exported_is_refused(tiny_weights, tmp_path):
    with pytest.raises(ValueError, match=r"model\.onnx: a torch.export program is written as \.pt2"):
        export_program(tmp_path / "model.onnx", tiny_weights)
    with pytest.raises(FileNotFoundError, match=r"none\.pt: no such weights"):
        export_program(tmp_path / "model.pt2", tmp_path / "none.pt")
    other = tmp_path / "other.pt"
    other.write_bytes(tiny_weights.read_bytes())
    other.with_suffix(".json").write_text(json.dumps({"network": {"width": 3}, "threshold": 0.5}))
    with pytest.raises(ValueError, match=r"other\.json: describes a network that does not exist"):
        export_program(tmp_path / "model.pt2", other)
    assert not list(tmp_path.glob("*.pt2*"))
