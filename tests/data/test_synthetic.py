"""Patches of volumes drawn on the fly: which volume serves which patch, whoever asks, and what is refused."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from monai.transforms import Compose, RandSpatialCropd
from torch.utils.data import DataLoader

from scripts.data import EpochSampler, Synthesised, SyntheticPatches, pad_collate, seeds
from scripts.data.synthetic import LANES, training_shape
from scripts.synthesis import DRAWN_STYLES, draw_style

CROP = Compose([RandSpatialCropd(["image", "label"], (8, 8, 8), random_size=False)])


class Small:
    """Draws volumes of 16³, and counts them."""

    def __init__(self):
        self.drawn = []

    def __call__(self, data):
        self.drawn.append(data["seed"])
        return Synthesised()({**data, "shape": (16, 16, 16)})


def patches(draw=None, **options):
    return SyntheticPatches(draw or Small(), CROP, **{"length": 8, "seed": 3, "per_volume": 4, **options})


def test_every_volume_serves_as_many_patches_and_none_returns():
    dataset = patches(per_volume=8)
    numbers = [dataset.volume_of(index) for index in range(LANES * 8 * 5)]
    served = Counter(numbers)
    assert max(served.values()) == 8
    # all but the first and last of a lane, which begin or end on the way
    assert sum(count == 8 for count in served.values()) >= LANES * 4
    for number in served:
        at = [index for index, each in enumerate(numbers) if each == number]
        assert set(np.diff(at)) <= {LANES}


def test_neighbours_differ_and_few_volumes_change_at_a_time():
    dataset = patches(per_volume=8)
    for first in range(0, LANES * 20, 2):
        assert dataset.volume_of(first) != dataset.volume_of(first + 1)
    rows = [[dataset.volume_of(LANES * turn + lane) for lane in range(LANES)] for turn in range(40)]
    changes = [sum(a != b for a, b in zip(*pair, strict=True)) for pair in pairwise(rows)]
    assert set(changes) == {LANES // 8}


def test_a_patch_is_a_function_of_seed_and_index():
    one, two = patches(), patches()
    for index in (0, 17, 40):
        torch.testing.assert_close(one[index]["image"], two[index]["image"], rtol=0, atol=0)
    assert not torch.equal(one[0]["image"], patches(seed=4)[0]["image"])
    assert not torch.equal(one[0]["image"], one[LANES]["image"])  # the same volume, another place


def test_the_number_of_workers_changes_nothing():
    def batches(workers):
        dataset = patches(length=6)
        sampler = EpochSampler(dataset)
        sampler.set_epoch(2)
        loader = DataLoader(dataset, batch_size=2, sampler=sampler, num_workers=workers, collate_fn=pad_collate)
        return torch.stack([batch["image"] for batch in loader])

    alone = batches(0)
    assert alone.shape == (3, 2, 1, 8, 8, 8)
    torch.testing.assert_close(batches(2), alone, rtol=0, atol=0)


def test_a_volume_is_drawn_once_and_forgotten_later():
    draw = Small()
    dataset = patches(draw, per_volume=4)
    for index in range(LANES * 8):
        dataset[index]
    assert len(draw.drawn) == len(set(draw.drawn)) == len({dataset.volume_of(i) for i in range(LANES * 8)})
    assert len(dataset._volumes) == LANES


def test_a_drawn_item_holds_image_and_label():
    item = Synthesised()({"seed": 5, "shape": (24, 20, 16)})
    assert item["image"].shape == item["label"].shape == (1, 24, 20, 16)
    assert item["image"].dtype == torch.float32
    assert item["label"].dtype == torch.int8
    assert set(item["label"].unique().tolist()) == {0, 1}


@pytest.mark.parametrize("style", [*DRAWN_STYLES, "mask"])
def test_shapes_hold_a_rotated_patch_in_plane_and_some_are_thin(style):
    shapes = [training_shape(seed, style) for seed in range(200)]
    assert all(x == y >= 88 and z >= 10 for x, y, z in shapes)
    assert max(x * y * z for x, y, z in shapes) < 1.7e6
    thin = np.mean([z <= 30 for *_, z in shapes])
    assert 0.04 < thin < 0.9
    assert (thin > 0.6) == (style == "stack")


def test_left_out_styles_are_not_drawn():
    drawn = {draw_style(seed, without=["stack", "plexus"]) for seed in range(300)}
    assert drawn == set(DRAWN_STYLES) - {"stack", "plexus"}
    assert "mask" in {draw_style(seed, masks=[np.ones((9, 9, 9))]) for seed in range(50)}


def test_validation_volumes_are_named():
    assert seeds(2, 2) == [{"seed": 2, "name": "synthetic_2"}, {"seed": 3, "name": "synthetic_3"}]


@pytest.mark.parametrize("without", [["tree", "forest"], "tree", list(DRAWN_STYLES)])
def test_parts_are_checked_before_anything_is_drawn(without):
    with pytest.raises(ValueError, match="without"):
        Synthesised(without)


def test_mixtures_of_nothing_are_not_drawn():
    four = ["tree", "mesh", "stack", "plexus"]
    assert {draw_style(seed, without=four) for seed in range(60)} == {"tumour", "hollow", "organ"}


@pytest.mark.parametrize("numbers", [{"length": 0}, {"per_volume": 0}])
def test_nothing_to_train_on(numbers):
    with pytest.raises(ValueError, match="the training: has"):
        patches(**numbers)
