import logging

import numpy as np
import pytest
import tifffile
from PIL import Image

from scripts.io.tiff import read_tiff, read_tiff_header, write_tiff
from scripts.io.volume import Geometry
from tests.helpers.volume_examples import plain, positions, told, zyx


def check(path, expected):
    info, voxels = read_tiff(path)
    assert (info.dtype, voxels.dtype) == (expected.dtype, expected.dtype)
    np.testing.assert_array_equal(voxels, expected)
    return info


def give_back(path, info, mask):
    write_tiff(path, mask, Geometry(info.affine, info.unit, info.source, unmoved=True), {})
    return check(path, mask)


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i1", "i2"])
@pytest.mark.parametrize("compression", [None, "lzw"])
def test_white_as_zero_is_turned_over(tmp_path, dtype, compression):
    bright = positions(dtype=dtype)
    dark = bright ^ bright.dtype.type(-1 if dtype[0] == "i" else np.iinfo(dtype).max)
    tifffile.imwrite(tmp_path / "a.tif", zyx(dark), photometric="miniswhite", compression=compression)
    info = check(tmp_path / "a.tif", bright)
    give_back(tmp_path / "b.tif", info, (positions() % 2).astype("u1"))


def test_a_label_of_one_bit_with_white_as_zero(tmp_path):
    mask = positions() % 2 == 0
    tifffile.imwrite(tmp_path / "a.tif", zyx(~mask), photometric="miniswhite")
    info = check(tmp_path / "a.tif", mask)
    give_back(tmp_path / "b.tif", info, mask.astype("u1"))


@pytest.mark.parametrize("compression", ["raw", "group4"])
def test_a_second_reader_agrees_on_one_bit(tmp_path, compression):
    mask = positions((16, 8, 3)) % 2 == 0
    slices = [Image.fromarray(plane) for plane in zyx(mask)]
    path, white_is_zero = tmp_path / "a.tif", {262: 0}
    for plane in slices:
        plane.encoderinfo = {"tiffinfo": white_is_zero}
    slices[0].save(path, save_all=True, append_images=slices[1:], compression=compression, tiffinfo=white_is_zero)
    with tifffile.TiffFile(path) as tif:
        assert tif.pages[0].photometric == 0
    with Image.open(path) as image:
        np.testing.assert_array_equal(np.asarray(image), zyx(mask)[0])
    check(path, mask)


@pytest.mark.parametrize("bits", [2, 4, 12])
def test_white_as_zero_in_fewer_bits_than_a_type_has(tmp_path, bits):
    bright = positions((8, 4, 3), "u2" if bits > 8 else "u1") % 2**bits
    tifffile.imwrite(tmp_path / "a.tif", zyx(2**bits - 1 - bright), photometric="miniswhite", bitspersample=bits)
    check(tmp_path / "a.tif", bright)


def test_imagej_stores_a_mask_that_it_draws_in_black_as_255(tmp_path):
    mask = ((positions() % 2) * 255).astype("u1")
    tifffile.imwrite(tmp_path / "a.tif", zyx(mask), photometric="miniswhite", imagej=True, metadata={"axes": "ZYX"})
    assert give_back(tmp_path / "b.tif", check(tmp_path / "a.tif", mask), mask).kind == "imagej"


def test_fractions_have_no_largest_value(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, zyx(positions(dtype="f4")), photometric="miniswhite")
    with pytest.raises(ValueError, match="white is zero") as error:
        read_tiff_header(path)
    told(error, path, "BlackIsZero")


def calibrated(path, array, **calibration):
    metadata = {"axes": "ZYX", "vunit": "gray value", **calibration}
    tifffile.imwrite(path, zyx(array), imagej=True, metadata=metadata)
    return path


def test_imagej_stores_signed_numbers_plus_32768(tmp_path):
    label = (positions() % 3).astype("i2") - 1  # -1, 0, 1
    stored = (label.astype("i4") + 32768).astype("u2")
    info = check(calibrated(tmp_path / "a.tif", stored, cf=0, c0=-32768.0, c1=1.0), label)
    give_back(tmp_path / "b.tif", info, (label > 0).astype("u1"))


def test_a_signed_file_is_counted_from_where_imagej_counts(tmp_path):
    label = (positions() % 3).astype("i2") - 1
    check(calibrated(tmp_path / "a.tif", label, cf=0, c0=-32768.0, c1=1.0), label)


def test_the_sum_of_a_calibration_fits(tmp_path):
    stored = positions()
    check(calibrated(tmp_path / "a.tif", stored, cf=0, c0=-1.0, c1=1.0), stored.astype("i2") - 1)
    check(calibrated(tmp_path / "b.tif", stored, cf=0, c0=65000.0, c1=1.0), stored.astype("u2") + 65000 - 0)


@pytest.mark.parametrize(
    "calibration",
    [
        {"cf": 0, "c0": 0.0, "c1": 1.0},
        {"cf": 0, "c0": 0.3, "c1": 0.01},  # a mask inherits the scale of its image
        {"cf": 0, "c0": 255.0, "c1": -1.0},
        {"cf": 21},
        {"cf": 0, "c0": "nan", "c1": 1.0},
        {"cf": 0},
    ],
)
def test_any_other_calibration_leaves_the_numbers(tmp_path, caplog, calibration):
    mask = ((positions() % 2) * 255).astype("u1")
    with caplog.at_level(logging.INFO):
        check(calibrated(tmp_path / "a.tif", mask, **calibration), mask)
    assert ("calibration" in caplog.text) == (calibration.get("c0") != 0.0)


MIRRORED = {1: np.s_[:, :], 2: np.s_[::-1, :], 3: np.s_[::-1, ::-1], 4: np.s_[:, ::-1]}


@pytest.mark.parametrize("orientation", MIRRORED)
@pytest.mark.parametrize("imagej", [False, True])
def test_mirrored_images_are_put_upright_and_results_mirrored_again(tmp_path, orientation, imagej):
    stored = zyx(positions()[MIRRORED[orientation]])
    tag = [(274, "H", 1, orientation, False)]
    metadata = {"axes": "ZYX"}
    tifffile.imwrite(tmp_path / "a.tif", stored, imagej=imagej, metadata=metadata, extratags=tag)
    info = check(tmp_path / "a.tif", positions())
    mask = (positions() > 100).astype("u1")
    give_back(tmp_path / "b.tif", info, mask)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "b.tif"), stored > 100)  # on the image's own rows
    both = np.stack([mask, 1 - mask])
    write_tiff(tmp_path / "c.tif", both, Geometry(info.affine, info.unit, info.source, unmoved=True), {})
    np.testing.assert_array_equal(read_tiff(tmp_path / "c.tif", 1)[1], 1 - mask)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_an_image_on_its_side_is_refused(tmp_path, orientation):
    path = plain(tmp_path / "a.tif", extratags=[(274, "H", 1, orientation, False)])
    with pytest.raises(ValueError, match="on its side") as error:
        read_tiff_header(path)
    told(error, path, f"Orientation {orientation}", "upright")
