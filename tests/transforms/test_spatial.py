"""The through-plane axis and in-plane augmentation, alone and in `train.json`."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from scripts.transforms import RestoreAxesd, ThroughPlaneLastd, rotation_margin
from tests.helpers.dataset_examples import RIGID, CodedPatches, gradient, ramp, train_set, write_pair

ROTATE = {"augmentation#rotate#prob": 1.0, "augmentation#rotate#range_z": [np.pi / 6, np.pi / 6]}
ZOOM = {"augmentation#zoom#prob": 1.0}
SHAPE = (60, 50, 24)
# one in 16 voxels, so that every patch holds vessel and none is drawn again
GRID = sum(ramp(SHAPE, axis) % side == 0 for axis, side in enumerate((2, 2, 4))) == 3


def angle_and_zoom(step):
    """Degrees and factor of the in-plane part of a gradient."""
    return np.degrees(np.arctan2(abs(step[1, 0]), abs(step[0, 0]))), 1 / np.sqrt(abs(np.linalg.det(step)))


@pytest.mark.parametrize(("sizes", "axis"), [((1, 1, 1), 2), ((5, 1, 1), 0), ((1, 5, 1), 1)])
def test_through_plane_axis_goes_last_and_back(sizes, axis):
    voxels = torch.arange(60).reshape(1, 5, 4, 3)
    data = {"image": MetaTensor(voxels, affine=np.diag([*sizes, 1.0])), "label": voxels + 1}
    moved = ThroughPlaneLastd(["image", "label"])(data)
    assert moved["image"].shape == (1, *[side for a, side in enumerate((5, 4, 3)) if a != axis], (5, 4, 3)[axis])
    assert (moved["label"] == moved["image"] + 1).all()
    back = RestoreAxesd(["image", "label"])(moved)
    assert (back["image"] == voxels).all()
    assert (back["label"] == voxels + 1).all()


@pytest.mark.parametrize("patch", [(64, 64, 64), (64, 32, 16), (16, 16, 16)])
def test_margin_holds_the_turned_patch_and_little_more(patch):
    assert rotation_margin(patch, 0) == (patch[0] + 2, patch[1] + 2, patch[2])
    crop = rotation_margin(patch, 30)
    c, s = np.cos(np.pi / 6), np.sin(np.pi / 6)
    for side, needed in ((crop[0], patch[0] * c + patch[1] * s), (crop[1], patch[1] * c + patch[0] * s)):
        assert needed + 2 <= side < needed + 5 or needed < patch[0]
    assert crop[2] == patch[2]
    assert all((side - p) % 2 == 0 for side, p in zip(crop, patch, strict=True))  # the patch is its exact middle


@pytest.mark.parametrize("degrees", [-1, 46, 60, 90])
def test_no_margin_for_larger_angles(degrees):
    with pytest.raises(ValueError, match="between 0 and 45 degrees"):
        rotation_margin((64, 64, 64), degrees)


@pytest.mark.parametrize("geometry", [None, {"voxel_size": (5, 1, 1), "unit": "mm"}])
def test_patches_turn_zoom_and_flip_in_plane_only(tmp_path, geometry):
    across = 0 if geometry else 2
    plane = [axis for axis in range(3) if axis != across]
    label = GRID if across == 2 else GRID.transpose(2, 0, 1)
    patches = CodedPatches(tmp_path, label, geometry)
    angles, zooms, flips, rotated = [], [], set(), 0
    for index in range(60):
        where, _ = patches[index]
        depth = where[across]
        # a slice stays a slice, and the next slice is the next
        np.testing.assert_allclose(
            depth, depth.mean(axis=tuple(plane), keepdims=True) + np.zeros_like(depth), atol=2e-3
        )
        np.testing.assert_allclose(np.diff(depth, axis=across), 1, atol=4e-3)
        step = gradient(where)
        assert np.abs(step[plane, across]).max() < 2e-3
        step = step[np.ix_(plane, plane)]
        angle, zoom = angle_and_zoom(step)
        angles.append(angle)
        zooms.append(zoom)
        rotated += angle > 0.01
        flips.add((step[0, 0] < 0, step[1, 1] < 0))
        # turned and zoomed, never sheared or stretched
        np.testing.assert_allclose(step.T @ step * zoom**2, np.eye(2), atol=0.01)
    assert max(angles) < 30.01
    assert max(angles) > 20
    assert min(zooms) > 0.999
    assert max(zooms) < 1.251
    assert max(zooms) > 1.18
    assert 0.55 < rotated / 60 < 0.92  # of three in four patches
    assert 0.55 < np.mean(np.array(zooms) > 1.001) < 0.92
    assert len(flips) == 4


@pytest.mark.parametrize(
    ("options", "off"), [(ROTATE, 0.51), ({**ROTATE, **ZOOM}, 1.25)], ids=["turned", "also zoomed"]
)
def test_nothing_is_invented_at_the_corners(tmp_path, options, off):
    """Labelled 1 throughout, turned by 30 degrees: no background, and -1 exactly outside."""
    patches = CodedPatches(tmp_path, np.ones(SHAPE), val_fraction=0.01, **RIGID | options)
    assert patches.sets[0].data[0]["region"][0] == (0, 43)
    unlabelled, beyond = 0, 0
    for index in range(40):
        where, label = patches[index]
        assert angle_and_zoom(gradient(where))[0] == pytest.approx(30, abs=0.1)
        assert set(np.unique(label)) <= {-1, 1}
        x, y, _ = where  # of the nearest voxel, the label is `off` at most
        assert (label[(x > off) & (x < 42 - off) & (y > off) & (y < 49 - off)] == 1).all()
        assert (label[x > 42 + off] == -1).all()
        assert ((x < off) | (x > 42 - off) | (y < off) | (y > 49 - off))[label == -1].all()
        unlabelled += (label == -1).sum()
        beyond = max(beyond, x.max())
    assert unlabelled > 0
    assert beyond > 44  # what lies outside the labelled part but inside the file is real image


def test_image_and_label_turn_together(tmp_path):
    """Balls whose image is their label: rounded, the image is the label but at its edges."""
    label = sum((ramp(SHAPE, axis) % 15 - 7) ** 2 for axis in range(3)) < 25
    patches = train_set(write_pair(tmp_path, "v", label, label), **ROTATE, **ZOOM)
    for index in range(20):
        image, label = (patches[index][key][0].numpy() for key in ("image", "label"))
        assert set(np.unique(label)) <= {-1, 0, 1}
        assert ((image > 0.5) == (label == 1))[label >= 0].mean() > 0.95


def test_label_is_not_shifted_against_the_image(tmp_path):
    """An edge at x = 21.5: in the mean over patches, label and image put it at the same place."""
    dataset = write_pair(tmp_path, "v", ramp(SHAPE, 0) < 22, ramp(SHAPE, 0) < 22)
    patches = train_set(dataset, **ROTATE, **ZOOM, val_fraction=0.01)
    shifts = []
    for index in range(70):
        image, label = (patches[index][key][0].numpy() for key in ("image", "label"))
        if {0, 1} <= set(np.unique(label)):
            shifts.append((label - image)[label >= 0].sum() / 16 / 16)  # the edge is about 16 x 16 voxels large
    assert len(shifts) > 20
    assert abs(np.mean(shifts)) < 0.1
