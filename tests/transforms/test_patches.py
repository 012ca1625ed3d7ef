"""What happens to a patch on its way into the network, seen through images whose voxels tell where they come from."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from scripts.transforms import (
    FitToPatchesd,
    LabelIndicesd,
    RandVesselCropd,
    RestoreAxesd,
    ThroughPlaneLastd,
    rotation_margin,
)
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


def fitted(shape, labelled=None, patch=(16, 16, 16), crop=(24, 24, 16), divisor=32):
    label = torch.zeros(1, *shape) if labelled is None else torch.full((1, *shape), -1.0)
    for box in labelled or ():
        label[(0, *(slice(*bounds) for bounds in box))] = 1
    image = torch.from_numpy(ramp(shape, 0))[None] * 1.0
    out = FitToPatchesd("image", "label", patch, crop, divisor)({"image": image, "label": label})
    return out["image"][0].numpy(), out["label"][0].numpy()


def test_padding_is_edge_in_the_image_and_unlabelled_in_the_label():
    image, label = fitted((20, 10, 40))
    assert label.shape == image.shape == (20 + 8, 16 + 8, 40)
    assert (label[4:24, 4:14] == 0).all()
    assert (label == 0).sum() == 20 * 10 * 40
    assert set(np.unique(label)) == {-1, 0}
    np.testing.assert_array_equal(image[:, 0, 0], np.clip(np.arange(28) - 4, 0, 19))


@pytest.mark.parametrize(("depth", "grown"), [(15, 32), (32, 32), (33, 64), (50, 64), (64, 64), (70, 70)])
def test_a_thin_stack_grows_to_the_next_multiple_only(depth, grown):
    image, label = fitted((70, 70, depth), patch=(64, 64, 64), crop=(92, 92, 64))
    assert image.shape[2] == label.shape[2] == grown
    assert (label[14:84, 14:84, :depth] == 0).all()
    assert (label[:, :, depth:] == -1).all()


def test_of_a_partly_labelled_volume_the_labelled_part_remains():
    image, label = fitted((200, 60, 40), [((100, 130), (20, 40), (10, 30))])
    assert label.shape == (30 + 8, 20 + 8, 20)  # the box, and what turned patches need
    assert (label[4:34, 4:24] == 1).all()
    assert (image[:, 0, 0] == np.arange(96, 134)).all()
    # less than a patch is labelled: as much around it as a patch at any place over it needs
    image, label = fitted((200, 60, 40), [((100, 106), (20, 40), (10, 30))])
    assert (image[:, 0, 0] == np.arange(100 - 10 - 4, 106 + 10 + 4)).all()
    assert fitted((50, 60, 40), [])[1].shape == (58, 68, 40)


def test_indices_are_of_vessel_and_background_only():
    label = torch.tensor([-1, 0, 1, 2, -1, 0]).reshape(1, 6, 1, 1)
    data = LabelIndicesd("label")({"label": label})
    assert data["fg_indices"].tolist() == [2, 3]
    assert data["bg_indices"].tolist() == [1, 5]
    with pytest.raises(ValueError, match="v: no voxel is labelled"):
        LabelIndicesd("label")({"label": label * 0 - 1, "name": "v"})


def test_a_long_list_of_indices_is_thinned_without_a_pattern():
    """Every n-th voxel of an empty volume can be one and the same plane."""
    label = torch.zeros(1, 20, 20, 8)
    data = LabelIndicesd("label", most=400)({"label": label})
    planes = np.bincount(data["bg_indices"] % 8, minlength=8)
    assert planes.sum() == 400
    assert planes.min() > 20  # 50 are expected
    assert len(data["fg_indices"]) == 0


def test_vessel_is_looked_for_in_the_patch_not_in_the_crop():
    """Vessel at one end, in a volume as wide as the crop: the patch in its middle never reaches it."""
    label = torch.zeros(1, 40, 24, 16)
    label[:, :4] = 1
    for patch, empty in (((16, 16, 16), True), ((24, 24, 16), False)):
        crop = RandVesselCropd("label", "label", patch, redraw=1, spatial_size=(24, 24, 16))
        crop.set_random_state(0)
        crop.randomize(label, np.array([0]), np.array([0]))
        assert crop.cropper.centers[0] == (12, 12, 8)
        assert (crop._vessel_fraction(label) == 0) == empty


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
    """Labelled 1 throughout and turned by 30 degrees: no background, and -1 exactly outside the volume."""
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
    """Balls, the image being the label: after everything, rounding the image gives the label but at its edges."""
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


def test_patches_of_a_thin_stack(tmp_path):
    """80 x 80 x 15 with the patch of the paper: 32 slices, of which 15 are the image's."""
    label = (ramp((80, 80, 15), 0) % 9 < 3).astype(np.uint8)
    patches = CodedPatches(tmp_path, label, patch_size=[64, 64, 64])
    where, label = patches[0]
    assert where.shape == (3, 64, 64, 32)
    assert (label[:, :, 15:] == -1).all()
    assert (label[:, :, :15] >= 0).mean() > 0.8
    np.testing.assert_allclose(where[2], np.broadcast_to(np.minimum(np.arange(32), 14), where[2].shape), atol=1e-3)


def centre(patch):
    return int(patch["label"][(0, *(side // 2 for side in patch["label"].shape[1:]))])


def test_centres_are_labelled_and_half_of_them_vessel(tmp_path):
    """Few labelled voxels inside a box of 8, around which any patch fits: vessel is 1 of 9 of them."""
    label = np.full((60, 60, 60), -1.0)
    label[24:32:3, 24:32:3, 24:32:3] = 0
    label[27, 27, 24:31:3] = 1
    patches = train_set(write_pair(tmp_path, "v", label + ramp(label.shape, 1), label), redraw=0.0, **RIGID)
    centres = [centre(patches[index]) for index in range(200)]
    assert set(centres) == {0, 1}
    assert 0.37 < np.mean(centres) < 0.63


@pytest.mark.parametrize(("redraw", "least", "most"), [(0.0, 0.37, 0.57), (0.9, 0.03, 0.14), (1.0, 0.0, 0.0)])
def test_nearly_empty_patches_are_mostly_drawn_again(tmp_path, redraw, least, most):
    """Vessel only at one end, so that a share p of draws is empty; of patches p (1 - r) / (1 - p r) then are.

    Centres are vessel, never empty, or one of 145 planes of background, empty from x = 13 on: p = 0.47.
    """
    label = np.zeros((150, 20, 16))
    label[:5] = 1
    dataset = write_pair(tmp_path, "v", ramp(label.shape, 0), label)
    whole = {"val_fraction": 0.99}  # then it trains, and validates, on the whole
    patches = train_set(dataset, redraw=redraw, **RIGID, **whole)
    assert patches.data[0]["region"][0] == (0, 150)
    empty = np.mean([not (patches[index]["label"] > 0).any() for index in range(250)])
    assert least <= empty <= most


def test_a_volume_without_vessel_still_gives_patches(tmp_path):
    write_pair(tmp_path, "v", ramp(SHAPE, 0), np.zeros(SHAPE))
    dataset = write_pair(tmp_path, "w", ramp(SHAPE, 0), np.ones(SHAPE))  # a dataset without any is refused
    patch = train_set(dataset, redraw=1.0, dataset_weights={"v": 1, "w": 0})[0]
    assert (patch["label"] <= 0).all()
    assert patch["image"].shape == (1, 16, 16, 16)


@pytest.mark.parametrize("region", ["8:56,10:40,4:24", "20:26,10:40,4:24"])
def test_the_region_bounds_labels_and_not_the_image(tmp_path, region):
    patches = CodedPatches(tmp_path, GRID, region=region, val_fraction=0.01, **RIGID | ROTATE)
    (x0, x1), (y0, y1), (z0, z1) = patches.sets[0].data[0]["region"]
    lowest, highest = [], []
    for index in range(40):
        where, label = patches[index]
        known = where[:, label >= 0]
        assert (known.min(axis=1) > np.array([x0, y0, z0]) - 0.51).all()
        assert (known.max(axis=1) < np.array([x1, y1, z1]) - 0.49).all()
        lowest.append(where.min(axis=(1, 2, 3)))
        highest.append(where.max(axis=(1, 2, 3)))
    # in the corners, and around a region narrower than a patch, is what the file holds there
    assert np.min(lowest, axis=0)[0] < x0 - 1
    assert np.max(highest, axis=0)[0] > x1


def test_training_patches_never_reach_the_validation_part(tmp_path):
    label = np.zeros((100, 40, 16))
    label[::2, ::2] = 1
    patches = CodedPatches(tmp_path, label, **ROTATE)
    assert patches.sets[0].data[0]["region"][0] == (0, 59)  # 75:100 validates
    furthest = max(patches[index][0][0].max() for index in range(40))
    assert 58 < furthest < 66


@pytest.mark.parametrize("degrees", [-1, 46, 60, 90])
def test_no_margin_for_larger_angles(degrees):
    with pytest.raises(ValueError, match="between 0 and 45 degrees"):
        rotation_margin((64, 64, 64), degrees)
