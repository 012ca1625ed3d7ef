"""A rule says in voxels what the transforms say in the file's unit."""

import numpy as np
import pytest

from scripts.inference.blockwise.rule import Rule, rule_of
from scripts.io import read_header, write_volume
from scripts.transforms import SmoothProbabilityd, ThresholdVesselsd


def test_volumes_become_numbers_of_voxels(tmp_path):
    path = write_volume(tmp_path / "a.tif", np.zeros((4, 4, 4), np.uint8), voxel_size=(2, 2, 10), unit="µm")
    transforms = [
        SmoothProbabilityd("pred", sigma=0.7),
        ThresholdVesselsd("pred", threshold=0.4, hysteresis=0.2, fill_holes=400, min_size="20 voxels"),
    ]
    rule = rule_of(transforms, read_header(path))
    assert (rule.threshold, rule.hysteresis) == (0.4, 0.2)
    assert rule.holes == pytest.approx(10)  # of 40 µm³
    assert rule.pieces == 20
    assert rule.sigmas == pytest.approx((0.7, 0.7, 0.14))
    assert rule.reach == (3, 3, 1)


def test_without_a_voxel_size_volumes_are_in_voxels(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 4, 4), np.uint8))
    rule = rule_of([ThresholdVesselsd("pred", min_size=7)], read_header(tmp_path / "a.npy"))
    assert rule == Rule(0.5, pieces=7)
    assert rule.reach == (0, 0, 0)
