"""Patches are drawn from disk with the same probabilities as in memory."""

import numpy as np
import pytest
import torch
from monai.transforms import Compose
from scipy import stats

from scripts.data import EpochSampler, PatchDataset, PatchLoader
from scripts.transforms import RandStoredCropd, RandVesselCropd
from tests.transforms.stored.conftest import CROP, PATCH, make

DRAWS = 250


def drawing(kind, redraw=0.9):
    how = {"label_key": "label", "patch_size": PATCH, "spatial_size": CROP, "redraw": redraw, "min_vessel": 0.05}
    return kind(["image", "label"], **how)


def statistics(data, kind, seed, redraw=0.9):
    """Of many crops: centres (N, 3), share of vessel in the patch, class of the voxel in the centre."""
    transform = drawing(kind, redraw).set_random_state(seed)
    centres, shares, classes = [], [], []
    for _ in range(DRAWS):
        crop = transform(data)
        crop = crop[0] if isinstance(crop, list) else crop
        centre = transform.cropper.centers[0]
        centres.append(centre)
        middle = tuple(
            slice(max(0, (side - size) // 2), max(0, (side - size) // 2) + size)
            for side, size in zip(crop["label"].shape[1:], PATCH, strict=True)
        )
        shares.append(float((crop["label"][(0, *middle)] > 0).float().mean()))
        half = [min(at, side // 2) for at, side in zip(centre, CROP, strict=True)]
        classes.append(int(crop["label"][(0, *half)]))
    return np.array(centres), np.array(shares), np.array(classes)


@pytest.fixture
def uneven(tmp_path):
    """Vessels in one corner, none in another, and a part that is not labelled."""
    rng = np.random.default_rng(0)
    x, y, z = np.indices((36, 30, 26))
    label = (rng.random((36, 30, 26)) < np.exp(-(x + y) / 8) * 0.5).astype(np.int16)
    label[(z > 20) | (y > 26)] = -1
    return make(tmp_path, label, ((2, 34), (0, 30), (1, 26)), suffix=".npy")


def alike(one, two):
    """The smallest of the probabilities that two samples of patches are from one distribution."""
    found = [stats.ks_2samp(one[0][:, axis], two[0][:, axis]).pvalue for axis in range(3)]
    found.append(stats.ks_2samp(one[1], two[1]).pvalue)
    table = [[np.count_nonzero(each[2] == value) for value in (-1, 0, 1)] for each in (one, two)]
    filled = np.array(table)[:, np.sum(table, axis=0) > 0]
    found.append(stats.chi2_contingency(filled).pvalue)
    return min(found)


def test_centres_and_shares_of_vessel_are_distributed_as_in_memory(uneven):
    memory = statistics(uneven.memory, RandVesselCropd, seed=1)
    disk = statistics(uneven.disk, RandStoredCropd, seed=2)
    assert alike(memory, disk) > 0.01
    assert len(set(disk[2])) > 1

    # such a comparison tells other distributions from it, of patches that are nearly empty ever so often
    assert alike(memory, statistics(uneven.disk, RandStoredCropd, seed=2, redraw=0.0)) < 1e-6


def test_a_crop_is_what_lies_there_in_memory(drawn_from):
    transform = drawing(RandStoredCropd).set_random_state(3)
    for _ in range(5):
        crop = transform(drawn_from.disk)
        (centre,) = transform.cropper.centers
        at = tuple(
            slice(max(0, middle - side // 2), max(0, middle - side // 2) + side)
            for middle, side in zip(centre, CROP, strict=True)
        )
        for key in ("image", "label"):
            assert torch.equal(crop[key].as_tensor(), drawn_from.memory[key][(slice(None), *at)])


@pytest.mark.parametrize("suffix", [".npy", ".tif", ".nii.gz"])
def test_workers_read_ahead_and_draw_the_same(tmp_path, suffix):
    found = make(tmp_path, np.random.default_rng(0).integers(0, 2, (20, 21, 22)).astype(np.int16), suffix=suffix)
    transform = Compose([lambda item: found.disk, drawing(RandStoredCropd)])
    drawn = {}
    for workers in (0, 2):
        dataset = PatchDataset([found.item], transform, length=8, seed=5)
        loader = PatchLoader(dataset, num_workers=workers, batch_size=2, sampler=EpochSampler(dataset))
        drawn[workers] = [batch["image"] for batch in loader]
    assert len(drawn[0]) == 4
    assert all(torch.equal(one, two) for one, two in zip(drawn[0], drawn[2], strict=True))
    assert not torch.equal(drawn[0][0], drawn[0][1])
