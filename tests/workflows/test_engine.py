"""By the command line: OpenVINO in the place of PyTorch, in int8 and without, and what it leaves."""

import json

import numpy as np
import pytest
import torch

from scripts.core import WEIGHTS
from scripts.data import Synthesised
from scripts.inference.engine import CompiledNetwork, file_beside, fingerprint, load, windows_of
from scripts.inference.engine.guard import compare
from scripts.io import read_header, write_volume
from scripts.network import TubeNet
from scripts.transforms import ScaleToUnitd
from scripts.weights import Checkpoint, read_sidecar, save_weights
from tests.helpers.bundle_command import LEFT_BY_TRAINING, TINY_NETWORK, TINY_TRAINING
from tests.inference.blockwise.examples import tubes

CALIBRATES = "calibrating int8 by"


@pytest.fixture
def weights(tiny_weights, tmp_path):
    """Weights in a folder of their own; their network is less sure, so that int8 is close to it."""
    (tmp_path / "weights").mkdir()
    network, checkpoint = network_of(tiny_weights)
    for values in network.head.parameters():
        values.data *= 0.2
    save_weights(tmp_path / "weights" / "w.pt", network, {**checkpoint.sidecar, "threshold": 0.3})
    return tmp_path / "weights" / "w.pt"


@pytest.fixture
def image(tmp_path):
    np.save(tmp_path / "a.npy", (255 * tubes((64, 40, 33), radius=8)).astype(np.uint8))
    return tmp_path / "a.npy"


def network_of(path):
    network = TubeNet(**read_sidecar(path)["network"])
    checkpoint = Checkpoint(path, network)
    checkpoint.load_into(network)
    return network.eval(), checkpoint


def test_int8_is_calibrated_once_and_finds_nearly_the_same(bundle, weights, image, tmp_path):
    options = {"dataset_dir": image, "ckpt_path": weights, **TINY_NETWORK, "save_probability": "true"}
    first = bundle.run("inference", **options, amp="int8", output_dir=tmp_path / "int8").ok()
    again = bundle.run("inference", **options, amp="int8", output_dir=tmp_path / "again").ok()
    bundle.run("inference", **options, amp="false", output_dir=tmp_path / "fp32").ok()
    assert CALIBRATES in first.stderr
    assert CALIBRATES not in again.stderr
    assert "engine: openvino in int8" in again.stderr
    int8, same, fp32 = (np.load(tmp_path / name / "a_prob.npy") for name in ("int8", "again", "fp32"))
    np.testing.assert_array_equal(int8, same)
    assert 0 < np.abs(int8 - fp32).mean() < 0.02


@pytest.mark.parametrize("blocks", ["false", "true"])
@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"engine": "openvino", "amp": "false"}, "openvino in fp32"),
        ({"amp": "int8"}, "openvino in int8"),
        ({"amp": "true"}, "torch in bf16"),
    ],
    ids=["openvino", "int8", "torch"],
)
def test_a_result_says_what_computed_it(bundle, weights, tmp_path, blocks, how, told):
    voxels = (255 * tubes((64, 40, 33), radius=8)).astype(np.uint8)
    write_volume(tmp_path / "a.tif", voxels, voxel_size=(1, 1, 1), unit="µm")
    options = {"dataset_dir": tmp_path / "a.tif", "ckpt_path": weights, **TINY_NETWORK, "blocks": blocks}
    bundle.run("inference", **options, **how, output_dir=tmp_path / "out").ok()
    provenance = read_header(tmp_path / "out" / "a_seg.tif").provenance
    assert provenance["computed_by"] == told
    assert provenance["weights"] == weights.name


def test_scores_by_openvino_in_float32_are_pytorchs(bundle, weights, tiny_dataset, tmp_path):
    options = {"dataset_dir": tiny_dataset, "ckpt_path": weights, **TINY_NETWORK, "amp": "false"}
    scores = []
    for engine in ("torch", "openvino"):
        bundle.run(["train", "evaluate"], **options, engine=engine, output_dir=tmp_path / engine).ok()
        scores.append(json.loads((tmp_path / engine / "metrics.json").read_text())["mean"])
    assert scores[0] == pytest.approx(scores[1], abs=1e-3)


def test_fine_tuned_weights_have_their_own(bundle, weights, tiny_dataset, tmp_path):
    options = {"dataset_dir": tiny_dataset, "ckpt_path": weights, **TINY_TRAINING, "ckpt_dir": tmp_path / "tuned"}
    done = bundle.run(["train", "finetune"], **options).ok()
    assert CALIBRATES in done.stderr
    left = sorted(path.name for path in (tmp_path / "tuned").iterdir())
    assert left == sorted([*LEFT_BY_TRAINING, "model_best.int8.zip"])
    network, _ = network_of(tmp_path / "tuned" / "model_best.pt")
    assert load(tmp_path / "tuned" / "model_best.int8.zip", fingerprint(network)) is not None


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"engine": "tensorflow"}, "error: --engine tensorflow: does not exist"),
        ({"engine": "openvino:GPU.5"}, "error: --engine openvino:GPU.5: is no device that OpenVINO finds here"),
        ({"engine": "torch", "amp": "int8"}, "error: --amp int8: is not among what PyTorch computes in"),
        ({"amp": "int4"}, "error: --amp int4: is neither auto nor"),
    ],
)
def test_what_does_not_exist_is_one_line(bundle, weights, image, tmp_path, how, why):
    options = {"dataset_dir": image, "ckpt_path": weights, **TINY_NETWORK, "output_dir": tmp_path / "out"}
    done = bundle.run("inference", **options, **how)
    assert done.status != 0
    assert done.stderr.splitlines()[-1].startswith(why)


def test_training_is_not_in_int8(bundle, tiny_dataset, tmp_path):
    done = bundle.run("train", dataset_dir=tiny_dataset, ckpt_dir=tmp_path, amp="int8", **TINY_TRAINING)
    assert done.status != 0
    assert done.stderr.splitlines()[-1].startswith("error: --amp int8: is neither auto nor")


def test_the_shipped_weights_come_in_int8_and_that_is_close():
    network, checkpoint = network_of(WEIGHTS)
    graph = load(file_beside(WEIGHTS), fingerprint(network))
    assert graph is not None, "calibrate anew: PYTHONPATH=bundle python -m experiments int8"
    scaled = ScaleToUnitd("image", **checkpoint.normalisation, invert="false")
    windows = windows_of(scaled(Synthesised()({"seed": 9, "shape": (64, 64, 64)}))["image"], (64, 64, 64), 1)
    with torch.inference_mode():
        found = compare(CompiledNetwork(graph, "fp32"), network, torch.stack(windows), checkpoint.threshold(), 1)
    assert found.is_close
    assert found.difference > 0
