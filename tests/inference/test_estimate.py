"""What a volume takes, by hand; docs/explanation/speed.md compares the memory with measurements."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from monai.inferers import SimpleInferer

from scripts.inference import (
    AdaptedInferer,
    Bfloat16Inferer,
    ChannelsLastInferer,
    EdgePaddedInferer,
    GridInferer,
    MultiscaleInferer,
    estimate_volume,
    precision,
)
from scripts.inference.estimate import LIBRARIES, MARGIN, Estimate, check_fits
from tests.helpers.inferer_examples import Recorder, positions

CUBIC, SLICES = np.eye(4), np.diag([1.0, 1.0, 5.0, 1.0])
WINDOW, BATCH = (32, 32, 32), 2
NETWORK = SimpleNamespace(arguments={"channels": [16, 32]})
OF_WINDOWS = 6.5 * 16 * 4 * BATCH * 32**3
OF_BOX = 32 * 2**22  # what numbering the pieces of a slab takes
CPU = torch.device("cpu")


def inferers(scale=1, overlap=0.5, enabled=False):
    grid = GridInferer(WINDOW, overlap=overlap, sw_batch_size=BATCH, progress=True)
    half = Bfloat16Inferer(enabled=enabled, inferer=grid)
    return MultiscaleInferer(scale, EdgePaddedInferer(32, ChannelsLastInferer(half)))


@pytest.mark.parametrize("shape", [(32, 32, 32), (64, 32, 32), (96, 64, 32), (70, 33, 20), (20, 20, 100)])
@pytest.mark.parametrize("overlap", [0, 0.25, 0.5, 0.9])
def test_the_work_is_what_the_network_sees(shape, overlap):
    network, inferer = Recorder(), inferers(overlap=overlap)
    inferer(positions(*shape), network)
    seen = sum(int(np.prod(window)) for window in network.shapes)
    assert estimate_volume(shape, CUBIC, inferer, network).work == seen


def test_the_work_at_another_scale():
    assert estimate_volume((128, 64, 64), CUBIC, inferers(0.5, overlap=0), NETWORK).work == 64 * 32 * 32
    # slices five times as far apart as voxels keep their number
    assert estimate_volume((128, 64, 20), SLICES, inferers(0.5, overlap=0), NETWORK).work == 64 * 32 * 32
    assert estimate_volume((32, 32, 32), CUBIC, inferers("auto", overlap=0), NETWORK).work == 32**3  # others may follow


def told(nbytes):
    """What a sum of arrays becomes."""
    return LIBRARIES + int(MARGIN * nbytes)


def test_views_of_the_volume_are_counted():
    """The image, the sum so far, the view, its two logits and the sum of weights, 4 bytes each."""
    shape, voxels = (640, 320, 320), 640 * 320 * 320
    turned = SimpleNamespace(passes=8, inferer=inferers(overlap=0))
    one, eight = (estimate_volume(shape, CUBIC, each, NETWORK) for each in (inferers(overlap=0), turned))
    assert eight.work == 8 * one.work
    assert eight.nbytes == told((4 + 8 + 4 + 8 + 4) * voxels + OF_WINDOWS)
    # how far views differ takes their mean and the squares
    spread = estimate_volume(shape, CUBIC, turned, NETWORK, writes_probability=True).nbytes
    assert spread == told((4 + 8 + 4 + 8 + 4 + 8) * voxels + OF_WINDOWS)


def test_what_a_volume_teaches_itself_is_counted():
    """The image, two logits, the teacher, and the features of a block; switched off, nothing."""
    shape, voxels = (1280, 640, 640), 1280 * 640 * 640
    half = inferers(0.5)
    plain, adapted = (
        estimate_volume(shape, CUBIC, AdaptedInferer(enabled, half), NETWORK) for enabled in (False, True)
    )
    assert plain == estimate_volume(shape, CUBIC, half, NETWORK)
    assert adapted.work == plain.work
    assert adapted.nbytes == told((4 + 8 + 4) * voxels + 270 * 96**3)


def test_the_memory_is_that_of_the_arrays():
    """Of a large volume: the image, two logits and the sum of weights, 4 bytes each."""
    shape, voxels = (1280, 640, 640), 1280 * 640 * 640
    assert estimate_volume(shape, CUBIC, inferers(), NETWORK).nbytes == told(16 * voxels + OF_WINDOWS)
    three = estimate_volume(shape, CUBIC, inferers(), NETWORK, classes=3).nbytes
    assert three == told(20 * voxels + OF_WINDOWS)
    padded = estimate_volume((1279, 640, 640), CUBIC, inferers(), NETWORK).nbytes  # a copy with another plane
    assert padded == told(4 * 1279 * 640 * 640 + 16 * voxels + OF_WINDOWS)
    written = estimate_volume(shape, CUBIC, inferers(), NETWORK, writes_probability=True).nbytes
    assert written == told(20 * voxels)
    half = estimate_volume(shape, CUBIC, inferers(0.5), NETWORK).nbytes  # image, probabilities and masks outdo logits
    assert half == told((4 + 8 + 3) * voxels + OF_BOX)
    twice = estimate_volume((320, 320, 320), CUBIC, inferers(2), NETWORK).nbytes
    assert twice == told((4 + 8 * 4 + 8 * (8 + 4)) * 320**3 + OF_WINDOWS)  # of eight voxels, but for the image


def test_cleaning_is_counted():
    """Image, two probabilities, masks, and the numbers of pieces in a box."""
    several = estimate_volume((160, 320, 320), CUBIC, inferers(), NETWORK).nbytes
    assert several == told((4 + 8 + 3) * 160 * 320 * 320 + OF_BOX)


def test_looking_for_dark_vessels_is_counted():
    """Of a small volume: the image, the one in the file, and the curvatures of all its voxels."""
    assert estimate_volume((64, 128, 128), CUBIC, inferers(), NETWORK).nbytes == told((4 + 4 + 110) * 64 * 128 * 128)


def test_an_unknown_chain_is_one_look_at_the_volume():
    found = estimate_volume((4, 4, 4), CUBIC, SimpleInferer(), Recorder())
    assert found == Estimate(work=64, nbytes=told((4 + 4 + 110) * 64))


def test_the_precision():
    assert precision(inferers(enabled=False)) == precision(SimpleInferer()) == "fp32"
    assert precision(inferers(enabled=True)) == "bf16"


def refusal(monkeypatch, needs, free, device=CPU, on_device=None):
    monkeypatch.setattr("scripts.inference.estimate.free_memory", lambda: free)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (on_device, on_device))
    with pytest.raises(MemoryError) as error:
        check_fits("a.tif", (9, 8, 7), lambda scale: Estimate(1, needs[scale]), device)
    return str(error.value)


def test_what_does_not_fit_is_refused_with_a_way_out(monkeypatch):
    told = refusal(monkeypatch, {None: int(21e9), 0.5: int(12e9)}, free=int(10e9))
    assert told == (
        "a.tif: segmenting its 9×8×7 voxels takes about 21 GB of memory, and 10 GB are free; "
        "cut it into 3 blocks, or use a machine with more memory"
    )
    told = refusal(monkeypatch, {None: int(21e9), 0.5: int(9e9)}, free=int(10e9))
    assert told.endswith("; give --scale 0.5, which sees less detail, or cut it into 3 blocks, or use a machine "
                         "with more memory")  # fmt: skip
    check_fits("a.tif", (9, 8, 7), lambda scale: Estimate(1, int(9e9)), CPU)  # fits
    monkeypatch.setattr("scripts.inference.estimate.free_memory", lambda: None)
    check_fits("a.tif", (9, 8, 7), lambda scale: Estimate(1, int(9e15)), CPU)  # nobody knows


def test_a_gpu_has_memory_of_its_own(monkeypatch):
    gpu, needs = torch.device("cuda:0"), {None: int(21e9), 0.5: int(12e9)}
    told = refusal(monkeypatch, needs, free=int(99e9), device=gpu, on_device=int(8e9))
    assert "of GPU memory, and 8.0 GB are free; give --device cpu, or cut it into 4 blocks" in told
    assert "--device cpu" not in refusal(monkeypatch, needs, free=int(9e9), device=gpu, on_device=int(8e9))
