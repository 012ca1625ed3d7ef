"""Where patches lie, what they hold and how often they are empty, also in `train.json`."""

import warnings

import numpy as np
import pytest
import torch

from scripts.transforms import FitToPatchesd, LabelIndicesd, RandVesselCropd
from tests.helpers.dataset_examples import RIGID, CodedPatches, ramp, train_set, write_pair

ROTATE = {"augmentation#rotate#prob": 1.0, "augmentation#rotate#range_z": [np.pi / 6, np.pi / 6]}
SHAPE = (60, 50, 24)
# one in 16 voxels, so that every patch holds vessel and none is drawn again
GRID = sum(ramp(SHAPE, axis) % side == 0 for axis, side in enumerate((2, 2, 4))) == 3


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
    data = LabelIndicesd("label", max_indices=400)({"label": label})
    planes = np.bincount(data["bg_indices"] % 8, minlength=8)
    assert planes.sum() == 400
    assert planes.min() > 20  # 50 are expected
    assert len(data["fg_indices"]) == 0


def test_vessel_is_looked_for_in_the_patch_not_in_the_crop():
    """Vessel at one end of a volume as wide as the crop, which the patch never reaches."""
    label = torch.zeros(1, 40, 24, 16)
    label[:, :4] = 1
    for patch, empty in (((16, 16, 16), True), ((24, 24, 16), False)):
        crop = RandVesselCropd("label", "label", patch, redraw=1, spatial_size=(24, 24, 16))
        crop.set_random_state(0)
        crop.randomize(label, np.array([0]), np.array([0]))
        assert crop.cropper.centers[0] == (12, 12, 8)
        assert (crop._vessel_fraction(label) == 0) == empty


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
    """Few labelled voxels inside a box of 8, around which any patch fits: one in 9 is vessel."""
    label = np.full((60, 60, 60), -1.0)
    label[24:32:3, 24:32:3, 24:32:3] = 0
    label[27, 27, 24:31:3] = 1
    patches = train_set(write_pair(tmp_path, "v", label + ramp(label.shape, 1), label), redraw=0.0, **RIGID)
    centres = [centre(patches[index]) for index in range(200)]
    assert set(centres) == {0, 1}
    assert 0.37 < np.mean(centres) < 0.63


@pytest.mark.parametrize(("redraw", "lowest", "highest"), [(0.0, 0.37, 0.57), (0.9, 0.03, 0.14), (1.0, 0.0, 0.0)])
def test_nearly_empty_patches_are_mostly_drawn_again(tmp_path, redraw, lowest, highest):
    """Vessel only at one end, so that a share p of draws is empty.

    Of patches, p (1 - r) / (1 - p r) then are. Centres are vessel, where no patch is empty, or in one of 145 planes of
    background, where it is from x = 13 on: p = 0.47.
    """
    label = np.zeros((150, 20, 16))
    label[:5] = 1
    dataset = write_pair(tmp_path, "v", ramp(label.shape, 0), label)
    patches = train_set(dataset, redraw=redraw, **RIGID)
    assert patches.data[0]["region"][0] == (0, 150)  # a strip along Y validates
    empty = np.mean([not (patches[index]["label"] > 0).any() for index in range(250)])
    assert lowest <= empty <= highest


def test_a_volume_without_vessel_still_gives_patches(tmp_path):
    write_pair(tmp_path, "v", ramp(SHAPE, 0), np.zeros(SHAPE))
    dataset = write_pair(tmp_path, "w", ramp(SHAPE, 0), np.ones(SHAPE))  # a dataset without any is refused
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # MONAI's own, which comes with every patch, is of no use
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
