"""Intensities of whole volumes: what becomes 0 and 1, and what is refused."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from scripts.io import write_volume
from scripts.transforms import ScaleToUnitd
from tests.helpers.dataset_examples import ramp, train_parser, write_pair

ONE = {"image": torch.tensor([2.0, 3.0, 4.0, 10.0]).reshape(1, 4, 1, 1)}


def scaled(image=ONE["image"], **how):
    return ScaleToUnitd("image", **how)({"image": image})["image"].flatten().tolist()


def test_minimum_and_maximum_become_0_and_1():
    assert scaled() == [0, 0.125, 0.25, 1]
    assert ONE["image"].max() == 10  # what was given is left alone


def test_percentiles_clip():
    hundred = torch.arange(101.0).reshape(1, 101, 1, 1)
    out = scaled(hundred, lower=10, upper=90)
    assert out[:11] == [0] * 11
    assert out[90:] == [1] * 11
    assert out[50] == pytest.approx(0.5)
    assert out[30] == pytest.approx(0.25)


def test_percentiles_of_a_nearly_empty_volume_are_its_ends():
    """Three threads in the dark: both percentiles are 0, and there is something to segment."""
    dark = torch.zeros(1, 20, 20, 20)
    dark[0, 3:6, 4, :] = 8
    dark[0, 3, 4, 0] = 10
    out = scaled(dark, lower=0.5, upper=99)
    assert (min(out), max(out), sorted(set(out))[1]) == (0, 1, pytest.approx(0.8))


def test_percentiles_of_a_large_volume_are_estimated(monkeypatch):
    voxels = torch.rand(1, 64, 64, 64, generator=torch.Generator().manual_seed(0)) * 200
    exact = scaled(voxels, lower=1, upper=99)
    monkeypatch.setattr("scripts.transforms.intensity.MAX_SORTED", 2**14)
    estimated = scaled(voxels, lower=1, upper=99)
    assert estimated == scaled(voxels, lower=1, upper=99)
    assert estimated != exact
    np.testing.assert_allclose(estimated, exact, atol=0.01)
    voxels[0, 0, 0, 0] = 1000
    assert scaled(voxels, lower=1, upper=100)[0] == 1  # the maximum is one, whatever is drawn
    assert np.median(scaled(voxels, lower=1, upper=100)) == pytest.approx(0.1, abs=0.01)


def test_one_hot_voxel_does_not_darken_a_volume():
    image = torch.linspace(0, 100, 8000).reshape(1, 20, 20, 20)
    image[0, 0, 0, 0] = 65535
    assert np.median(scaled(image, lower=0.5, upper=99.5)) == pytest.approx(0.5, abs=0.01)


def test_a_block_is_scaled_by_its_parents_range():
    block = MetaTensor(ONE["image"], meta={"intensity_range": np.array([0.0, 8.0])})
    for how in ({}, {"lower": 25, "upper": 75}):
        assert scaled(block, **how) == [0.25, 0.375, 0.5, 1]
    constant = MetaTensor(torch.full((1, 2, 2, 2), 2.0), meta={"intensity_range": [0.0, 8.0]})
    assert scaled(constant) == [0.25] * 8  # dark all over, but of a volume that is not


def test_a_constant_volume_is_named():
    constant = MetaTensor(torch.full((1, 2, 2, 2), 7.0), meta={"filename_or_obj": "flat.tif"})
    with pytest.raises(ValueError, match=r"^flat.tif: every voxel is 7.*; check"):
        scaled(constant)
    with pytest.raises(ValueError, match="every voxel"):
        scaled(torch.zeros(1, 2, 2, 2), lower=1, upper=99)


@pytest.mark.parametrize(("lower", "upper"), [(50, 50), (60, 40), (-1, 100), (0, 101)])
def test_percentiles_out_of_order(lower, upper):
    with pytest.raises(ValueError, match=f"lower {lower} and upper {upper}"):
        ScaleToUnitd("image", lower, upper)


def test_scaling_sees_the_whole_volume_and_the_file_may_say_more(tmp_path):
    """In `train.json`: brightest outside what is kept, and then with a range in the file."""
    image = np.minimum(ramp((48, 20, 16), 0), 31) + 1000 * (ramp((48, 20, 16), 0) == 47)
    label = ramp(image.shape, 1) > 9
    write_pair(tmp_path / "a", "v", image, label)
    options = {"region": "0:16,:,:", "val_fraction": 0.25}

    def loaded(dataset):
        (item,) = train_parser(dataset, **options).get_parsed_content("validate#dataset")
        return item["image"][0].numpy()

    kept = loaded(tmp_path / "a")
    assert kept.shape == (24, 20, 16)  # the region and where windows begin that reach it: the bright end is cut off
    np.testing.assert_allclose(kept, image[:24] / 1031, atol=1e-6)
    write_volume(tmp_path / "b" / "images" / "v.tif", image.astype(np.float32), intensity_range=(0, 4000))
    write_volume(tmp_path / "b" / "labels" / "v.tif", label)
    np.testing.assert_allclose(loaded(tmp_path / "b"), image[:24] / 4000, atol=1e-6)
