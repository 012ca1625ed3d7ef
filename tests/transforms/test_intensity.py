"""Intensities of whole volumes: what becomes 0 and 1, and what is refused."""

import logging

import numpy as np
import pytest
import tifffile
import torch
from monai.data import MetaTensor
from monai.transforms import LoadImaged

from scripts.io import VolumeReader, write_volume
from scripts.transforms import ScaleToUnitd, intensity_range
from scripts.weights import ROBUST
from tests.helpers.dataset_examples import ramp, train_parser, write_pair
from tests.helpers.volume_examples import shared_files

ONE = {"image": torch.tensor([2.0, 3.0, 4.0, 10.0]).reshape(1, 4, 1, 1)}


def scaled(image=ONE["image"], **how):
    return ScaleToUnitd("image", **how)({"image": image})["image"].flatten().tolist()


def loaded(path):
    """A file's voxels as the configs load them: `(1, X, Y, Z)` of its own type."""
    return LoadImaged("image", reader=VolumeReader(), ensure_channel_first=True, dtype=None)({"image": str(path)})[
        "image"
    ]


def file_scaled(path, **how):
    """`(X, Y, Z)` float32, as the configs scale a file."""
    out = ScaleToUnitd("image", **how)({"image": loaded(path)})["image"]
    assert out.dtype == torch.float32
    return out[0].numpy()


def npy(tmp_path, voxels):
    np.save(tmp_path / "v.npy", voxels)
    return tmp_path / "v.npy"


def noise(shape=(64, 72, 72), mean=100, spread=10):
    return np.random.default_rng(0).normal(mean, spread, shape).astype(np.float32)


def in_single_precision(voxels):
    """What minimum and maximum made of a volume before it was scaled in its own type."""
    image = torch.from_numpy(np.ascontiguousarray(voxels).astype(np.float32))
    low, high = float(image.min()), float(image.max())
    return (image.float() - low).div_(high - low).clamp_(0, 1).numpy()


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


def test_percentiles_of_a_nearly_empty_volume_are_those_of_what_is_there():
    """Three threads in the dark: both percentiles are 0, and there is something to segment."""
    dark = torch.zeros(1, 20, 20, 20)
    dark[0, 3:6, 4, :] = 8
    dark[0, 3, 4, 0] = 10
    out = scaled(dark, lower=0.5, upper=99)
    assert (sorted(set(out)), out.count(1)) == ([0, 1], 60)


def test_percentiles_of_a_large_volume_are_estimated(monkeypatch):
    voxels = torch.rand(1, 64, 64, 64, generator=torch.Generator().manual_seed(0)) * 200
    exact = scaled(voxels, lower=1, upper=99)
    monkeypatch.setattr("scripts.transforms.seen.MAX_SORTED", 2**14)
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


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "float16", "float32"])
def test_ordinary_volumes_are_scaled_as_before_to_the_bit(dtype, tmp_path):
    rng = np.random.default_rng(1)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        voxels = rng.normal(3, 1000, (9, 8, 7)).astype(dtype)
    else:
        voxels = rng.integers(np.iinfo(kind).min, np.iinfo(kind).max, (9, 8, 7), dtype, endpoint=True)
    out = file_scaled(npy(tmp_path, voxels))
    np.testing.assert_array_equal(out, in_single_precision(voxels))
    assert len(np.unique(out)) > 100


@pytest.mark.parametrize("path", shared_files("images/*"))
def test_real_volumes_are_scaled_as_before_to_the_bit(path):
    np.testing.assert_array_equal(file_scaled(path), in_single_precision(loaded(path)[0].numpy()))


@pytest.mark.parametrize("how", [{}, {"lower": 5, "upper": 95}], ids=str)
@pytest.mark.parametrize(
    ("dtype", "offset"),
    [
        ("uint32", 3_000_000_000),
        ("int32", -(2**31)),
        ("int64", 2**40),
        ("uint64", 2**50),
        ("int64", -(2**52)),
        ("float64", 1e6),
        ("float64", -1e12),
    ],
)
def test_the_lowest_is_taken_off_in_the_files_own_type(dtype, offset, how, tmp_path):
    """What single precision holds of 3,000,000,000 is a multiple of 256."""
    small = np.random.default_rng(2).integers(0, 200, (9, 8, 7)).astype(dtype)
    expected = file_scaled(npy(tmp_path, small), **how)
    assert len(np.unique(expected)) > 100
    np.testing.assert_array_equal(file_scaled(npy(tmp_path, small + np.dtype(dtype).type(offset)), **how), expected)


def test_tiny_and_huge_spans_do_not_vanish_or_overflow(tmp_path):
    steps = np.arange(27, dtype=np.float64).reshape(3, 3, 3)
    for unit in (1e-60, 1e-300, 1e37):
        np.testing.assert_allclose(file_scaled(npy(tmp_path, steps * unit)), steps / 26, atol=1e-7)
    both = np.array([-3.4e38, 0, 3.4e38] * 9, np.float32).reshape(3, 3, 3)  # further apart than the largest float32
    np.testing.assert_allclose(file_scaled(npy(tmp_path, both))[..., :3], [[[0, 0.5, 1]] * 3] * 3)


@pytest.mark.parametrize(
    ("dtype", "value", "why"),
    [
        ("float64", 1e39, "holds 1e+39, which single precision cannot hold; replace"),
        ("float64", -1e39, "holds -1e+39, which single"),
        ("int64", 2**53 + 1, "holds 9007199254740993, and whole numbers beyond 2^53 lose digits; subtract"),
        ("uint64", 2**63, "holds 9223372036854775808, which is beyond 64 bits with a sign; save"),
    ],
)
def test_what_cannot_be_computed_with_is_refused(dtype, value, why, tmp_path):
    voxels = np.zeros((3, 3, 3), dtype)
    voxels[0, 0, 0], voxels[1] = value, 5
    with pytest.raises(Exception, match="holds") as error:
        file_scaled(npy(tmp_path, voxels), **ROBUST)
    assert f"v.npy: {why}" in str(error.value)


def test_voxels_that_another_reader_let_through_are_refused():
    for bad in (torch.nan, torch.inf):
        with pytest.raises(ValueError, match=f"^volume: holds {bad:g}, which single"):
            scaled(torch.tensor([0.0, 1.0, bad]).reshape(1, 3, 1, 1))


@pytest.mark.parametrize("where", [(0, 0, 0), (63, 71, 71)])
@pytest.mark.parametrize("stray", [65535, -65535, -3.4e38, 3.4e38])
def test_no_single_voxel_decides(stray, where, tmp_path):
    voxels = noise()
    clean = file_scaled(npy(tmp_path, voxels), **ROBUST)
    voxels[where] = stray
    hot = file_scaled(npy(tmp_path, voxels), **ROBUST)
    assert hot[where] == (stray > 0)
    hot[where] = clean[where]
    np.testing.assert_allclose(hot, clean, atol=0.02)
    assert 0.4 < clean.mean() < 0.6


def test_no_voxel_of_a_small_volume_decides_either():
    image = torch.linspace(0, 100, 27).reshape(1, 3, 3, 3)
    image[0, 0, 0, 0] = 65535
    assert max(scaled(image, **ROBUST)[1:]) == 1


def test_no_data_does_not_count():
    voxels = noise()
    voxels[:, :, :40] = np.finfo(np.float32).min  # more than half
    low, high = intensity_range(voxels, **ROBUST)
    assert 30 < low < 80
    assert 120 < high < 170


def test_metal_does_not_darken_the_tissue():
    """A CT whose tissue has 1/50 of the range; metal and its streaks are 3 voxels in 10,000."""
    voxels = 40 + 88 * np.random.default_rng(3).random((64, 72, 72))
    voxels[:2, :2, :25], voxels[-2:, :2, :25] = 3343, -1078
    at = ScaleToUnitd("image", **ROBUST)({"image": torch.from_numpy(voxels)[None]})["image"][0, 2:-2]
    assert at.max() - at.min() > 0.18
    assert scaled(torch.from_numpy(voxels)[None])[-1] - scaled(torch.from_numpy(voxels)[None])[-2] < 0.02


@pytest.mark.parametrize("background", ["noise", "zeros", "zeros and ones"])
def test_a_thread_finer_than_the_percentiles_of_the_bulk_stays_bright(background):
    """One voxel wide: a five-thousandth of the volume, beside a hot voxel."""
    voxels = {"noise": noise(), "zeros": np.zeros((64, 72, 72)), "zeros and ones": (noise() > 130) * 1.0}[background]
    voxels[:, 36, 36] = 200
    voxels[0, 0, 0] = 65535
    assert 64 / voxels.size < 0.0002
    image = ScaleToUnitd("image", **ROBUST)({"image": torch.from_numpy(voxels)[None]})["image"][0]
    thread, rest = image[1:, 36, 36].clone(), image.clone()
    rest[:, 36, 36], rest[0, 0, 0] = 0, 0
    assert thread.min() > 0.9
    assert rest.max() < 0.75
    assert rest.median() < 0.45


def test_a_line_where_most_voxels_share_a_sliver(caplog):
    voxels = noise()
    with caplog.at_level(logging.WARNING):
        scaled(torch.from_numpy(voxels)[None])
        scaled(torch.from_numpy(np.where(voxels > 120, voxels, 0))[None])  # vessels on a background that was removed
    assert not caplog.messages
    voxels[0, 0, 0] = 65535
    scaled(MetaTensor(torch.from_numpy(voxels)[None], meta={"filename_or_obj": "hot.tif"}))
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("hot.tif: most voxels, 8")
    assert "share a sliver of the range" in caplog.messages[0]
    caplog.clear()
    scaled(torch.from_numpy(voxels)[None], **ROBUST)
    assert not caplog.messages


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_block_of_a_volume_is_scaled_as_the_volume_is(dtype, tmp_path):
    volume = (noise((40, 36, 32)) + ramp((40, 36, 32), 0)).astype(dtype)
    whole = file_scaled(write_volume(tmp_path / "v.tif", volume), **ROBUST)
    stated = intensity_range(volume, **ROBUST)
    assert 0 < stated[0] < stated[1] < volume.max()
    block = write_volume(tmp_path / "b.tif", volume[4:12, 8:30, 3:20], intensity_range=stated)
    np.testing.assert_array_equal(file_scaled(block, **ROBUST), whole[4:12, 8:30, 3:20])


def test_a_stale_range_is_not_believed(tmp_path, caplog):
    """A 16-bit block made 8-bit by ImageJ, with the text it left; then one that was inverted."""
    voxels = np.random.default_rng(4).integers(0, 200, (8, 9, 10), np.uint8)
    path = tmp_path / "b.tif"
    stale = {"axes": "ZYX", "Info": '{"intensity_range": [0, 65535]}'}
    tifffile.imwrite(path, voxels, imagej=True, metadata=stale)
    expected = in_single_precision(voxels).transpose(2, 1, 0)
    np.testing.assert_array_equal(file_scaled(path), expected)
    assert "states the intensity range 0 to 65535, which uint8 voxels cannot have" in caplog.text
    write_volume(path, voxels + np.float32(1000), intensity_range=(0, 500))
    np.testing.assert_array_equal(file_scaled(path), in_single_precision(voxels + np.float32(1000)))
    assert "and most of its voxels, 1000 to 1199, lie outside: its own is used" in caplog.text


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
    assert kept.shape == (20, 20, 16)  # the strip and where windows begin that reach it: the bright end is cut off
    np.testing.assert_allclose(kept, image[4:24] / 1031, atol=1e-6)
    write_volume(tmp_path / "b" / "images" / "v.tif", image.astype(np.float32), intensity_range=(0, 4000))
    write_volume(tmp_path / "b" / "labels" / "v.tif", label)
    np.testing.assert_allclose(loaded(tmp_path / "b"), image[4:24] / 4000, atol=1e-6)
