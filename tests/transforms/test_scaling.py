"""A box of a volume on disk is scaled to the bit as the whole is in memory."""

import dataclasses
import json
import logging
import sys

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from scripts.core import EmptyVolumeError
from scripts.transforms import ScaleToUnitd, Scaling, scaling_of, seen
from scripts.weights import ROBUST
from tests.helpers.volume_examples import HeldVolume

SHAPE = (23, 18, 13)
BOXES = [((0, 23), (0, 18), (0, 13)), ((3, 4), (5, 18), (2, 9)), ((22, 23), (17, 18), (12, 13))]


def in_memory(voxels, stated=None, affine=None, **how):
    meta = {"filename_or_obj": "held.tif"} | ({} if stated is None else {"intensity_range": stated})
    image = MetaTensor(torch.from_numpy(voxels.copy())[None], meta=meta, affine=affine)
    return ScaleToUnitd("image", **how)({"image": image})["image"][0].numpy()


def check(voxels, stated=None, **how):
    scaling = scaling_of(HeldVolume(voxels, intensity_range=stated), **how)
    assert Scaling(**json.loads(json.dumps(dataclasses.asdict(scaling)))) == scaling
    expected = in_memory(voxels, stated, **how)
    for box in BOXES:
        at = tuple(slice(*bounds) for bounds in box)
        found = scaling.apply(voxels[at])
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, expected[at])
    return scaling


@pytest.mark.parametrize("how", [{}, ROBUST, {"lower": 5, "upper": 95, "invert": True}], ids=str)
@pytest.mark.parametrize(
    ("dtype", "offset"),
    [
        ("uint8", 0),
        ("int16", -100),
        ("uint16", 900),
        ("float16", 3),
        ("float32", 1e-3),
        ("float32", 1e6),
        ("uint32", 3_000_000_000),
        ("int64", -(2**52)),
        ("float64", 1e12),
    ],
)
def test_every_type(dtype, offset, how):
    small = np.random.default_rng(2).normal(100, 20, SHAPE).clip(0, 250)
    scaling = check(small.astype(dtype) + np.dtype(dtype).type(offset), **how)
    assert scaling.inverted is ("invert" in how)
    assert scaling.in_double is (dtype in ("uint32", "int64", "float64") or offset == 1e6)


@pytest.mark.parametrize("most", [2**24, 500])
def test_a_stated_range(most, monkeypatch, caplog):
    monkeypatch.setattr(seen, "MAX_SORTED", most)
    voxels = np.random.default_rng(2).normal(100, 20, SHAPE).astype(np.float32)
    assert check(voxels, (0, 400), **ROBUST).high == 400
    assert check(voxels, (90, 110)).low == 90
    assert not caplog.messages
    own = check(voxels)
    assert check(voxels, (300, 900)) == own
    assert "states the intensity range 300 to 900, and most of its voxels" in caplog.text
    caplog.clear()
    small = voxels.astype(np.uint8)
    assert scaling_of(HeldVolume(small, intensity_range=(0, 65535))) == scaling_of(HeldVolume(small))
    assert "states the intensity range 0 to 65535, which uint8 voxels cannot have" in caplog.text


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("shape", [(40, 40, 40), (80, 70, 66)], ids=["whole", "in blocks"])
def test_dark_vessels_are_found_in_the_blocks_that_are_read(dark, shape, caplog, monkeypatch):
    monkeypatch.setattr(sys.modules["scripts.transforms.polarity"], "MAX_LOOKED_AT", 2**18)
    _, y, z = np.indices(shape)
    tubes = (y % 32 - 16) ** 2 + (z % 32 - 16) ** 2 < 9
    rng = np.random.default_rng(0)
    image = (100 + 70 * (tubes ^ dark) + rng.normal(scale=5, size=shape)).astype(np.uint8)
    held = HeldVolume(np.asfortranarray(image), (32, 32, 32))
    with caplog.at_level(logging.INFO):
        scaling = scaling_of(held, invert="auto")
    assert scaling.inverted is dark
    assert caplog.text.count("held.tif: its vessels seem to be dark") == dark
    np.testing.assert_array_equal(scaling.apply(image), in_memory(image, affine=np.eye(4), invert="auto"))
    seen_again = held.boxes[-1]
    assert [stop - start for start, stop in seen_again] == [min(64, side) for side in shape]


def test_what_is_refused():
    with pytest.raises(EmptyVolumeError, match=r"^held\.tif: every voxel is 7"):
        scaling_of(HeldVolume(np.full(SHAPE, 7)))
    with pytest.raises(ValueError, match="lower 60 and upper 40"):
        scaling_of(HeldVolume(np.zeros(SHAPE)), 60, 40)


def test_a_sliver_is_told(caplog):
    voxels = np.random.default_rng(2).normal(100, 2, SHAPE).astype(np.float32)
    voxels[3, 3, 3] = 65535
    check(voxels)
    assert len(caplog.messages) == 2  # from disk, and in memory
    assert len(set(caplog.messages)) == 1
    assert "share a sliver of the range" in caplog.text
