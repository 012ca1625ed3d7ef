"""Which axes of a file are X, Y and Z; slices that a program stored as channels or time points."""

import nibabel as nib
import numpy as np
import pytest
import tifffile

from scripts.io import read_header, read_volume, write_volume
from scripts.io.axes import choose_volume, of_label
from tests.helpers.volume_examples import SHAPE, nifti, ome, plain, positions, told, zyx

PATH = "folder/a.tif"
AFFINE = np.diag([0.5, 0.5, 2.0, 1.0])


@pytest.mark.parametrize(
    ("axes", "shape", "channel"),
    [
        ("ZYX", (3, 4, 5), None),
        ("QYX", (3, 4, 5), None),
        ("IYX", (3, 4, 5), 0),
        ("XYZ", (5, 4, 3), None),
        ("TZCYXS", (1, 3, 1, 4, 5, 1), None),
        ("CZYX", (2, 3, 4, 5), 1),
        ("ZCYX", (3, 2, 4, 5), 1),
        ("ZYXS", (3, 4, 5, 3), 2),
        ("QZYX", (2, 3, 4, 5), 0),
        ("XYZT", (5, 4, 3, 7), 6),
        ("XYZT", (5, 4, 3, 1), None),
        ("CYX", (3, 4, 5), "depth"),
        ("TYX", (3, 4, 5), "depth"),
        ("TZCYX", (1, 1, 3, 4, 5), "depth"),
        ("XYZT", (5, 4, 1, 3), "depth"),
        ("ZYX", (3, 4, 5), "depth"),
    ],
)
def test_one_volume_comes_out_as_xyz(axes, shape, channel):
    volume = choose_volume(PATH, axes, shape, channel)
    assert volume.shape == (5, 4, 3)
    assert volume.cut(np.zeros(shape)).shape == (5, 4, 3)


def test_the_cut_takes_the_right_axis():
    stored = np.arange(3 * 2 * 4 * 5).reshape(3, 2, 4, 5)  # Z, C, Y, X
    assert choose_volume(PATH, "ZCYX", stored.shape, 1).cut(stored)[4, 3, 2] == stored[2, 1, 3, 4]


def test_an_index_that_was_chosen_is_kept():
    assert choose_volume(PATH, "CZYX", (2, 3, 4, 5), 1).channel == 1
    assert choose_volume(PATH, "ZYX", (3, 4, 5), 0).channel is None
    assert choose_volume(PATH, "CYX", (3, 4, 5), "depth").channel is None


def test_a_label_has_slices_and_no_index():
    assert [of_label(channel) for channel in (None, 0, 1, "depth")] == [None, None, None, "depth"]


@pytest.mark.parametrize(
    ("axes", "shape", "channel", "words"),
    [
        ("CZYX", (2, 16, 64, 64), None, ["axes CZYX with shape (2, 16, 64, 64)", "choose one with --channel 0..1"]),
        ("CZYX", (2, 16, 64, 64), 2, ["channel 2", "--channel 0..1"]),
        ("CZYX", (2, 16, 64, 64), -1, ["channel -1", "--channel 0..1"]),
        ("ZYX", (16, 64, 64), 1, ["channel 1", "leave --channel out"]),
        ("ZYXS", (16, 64, 64, 3), None, ["colour", "--channel 0..2"]),
        ("TCZYX", (4, 2, 16, 64, 64), 0, ["T (4) and C (2)", "one volume a file"]),
        ("TYX", (16, 64, 64), None, ["axis Z has length 1", "if T is really depth"]),
        ("CYX", (16, 64, 64), 0, ["axis Z", "if C is really depth, write --channel depth"]),
        ("CZYX", (2, 16, 64, 64), "depth", ["axes CZYX with shape (2, 16, 64, 64)", "choose one with --channel 0..1"]),
        ("TCYX", (4, 16, 64, 64), "depth", ["axis Z has length 1"]),
        ("YX", (64, 64), "depth", ["axis Z has length 1"]),
        ("YXS", (64, 64, 3), None, ["axes YXS", "a colour picture of one plane, and not a volume"]),
        ("YXS", (64, 64, 3), 0, ["a colour picture of one plane, and not a volume"]),
        ("YXS", (64, 64, 3), "depth", ["a colour picture of one plane, and not a volume"]),
        ("YX", (64, 64), None, ["axis Z has length 1"]),
        ("ZYX", (16, 1, 64), None, ["axis Y has length 1"]),
        ("ZYX", (16, 64, 1), None, ["axis X has length 1"]),
        ("ZYX", (16, 0, 64), None, ["axis Y is empty"]),
        ("ZYX", (16, -5, 64), None, ["axis Y has the negative length -5"]),
        ("QQYX", (2, 16, 64, 64), 0, ["which axis is Z"]),
    ],
)
def test_what_is_not_one_volume_is_told(axes, shape, channel, words):
    with pytest.raises(ValueError, match=r"a\.tif") as error:
        choose_volume(PATH, axes, shape, channel)
    told(error, PATH, *words)


def test_a_file_of_one_channel_may_be_named_after_it():
    """nnU-Net keeps each channel in a file of its own."""
    assert choose_volume("b_0001.nii.gz", "XYZ", (5, 4, 3), 1).shape == (5, 4, 3)
    for path in ("b_0000.nii.gz", "b_1.nii.gz", "b_00001.nii.gz"):
        with pytest.raises(ValueError, match="channel 1 does not exist"):
            choose_volume(path, "XYZ", (5, 4, 3), 1)


def imagej_of_channels(path, axes="CYX"):
    metadata = {"axes": axes, "spacing": 2.0, "unit": "um"}
    tifffile.imwrite(path, zyx(positions()), imagej=True, resolution=(2, 2), metadata=metadata)
    return path


FILES = {
    "imagej": lambda folder: imagej_of_channels(folder / "a.tif"),
    "time": lambda folder: imagej_of_channels(folder / "a.tif", "TYX"),
    "ome": lambda folder: ome(folder / "a.ome.tif", sizes=(0.5, 0.5, 2.0), axes="CYX"),
    "plain": lambda folder: plain(folder / "a.tif", metadata={"axes": "CYX"}),
    "nifti": lambda folder: nifti(folder / "a.nii.gz", affine=AFFINE, array=positions()[:, :, None]),
}


@pytest.mark.parametrize("kind", FILES)
def test_round_trip(tmp_path, kind):
    path = FILES[kind](tmp_path)
    with pytest.raises(ValueError, match="axis Z has length 1") as error:
        read_header(path)
    told(error, path, "is really depth, write --channel depth")
    info, voxels = read_volume(path, "depth")
    assert (info.shape, info.channel) == (SHAPE, None)
    np.testing.assert_array_equal(voxels, positions())
    if kind != "plain":  # which states no voxel size
        unit = 1.0 if kind == "nifti" else 1e-3
        np.testing.assert_allclose(info.voxel_size, (0.5 * unit, 0.5 * unit, 2.0 * unit))
    result = tmp_path / path.name.replace("a.", "a_seg.")
    write_volume(result, (voxels > 100).astype(np.uint8), like=info)
    written, mask = read_volume(result)  # a volume, whatever the input was
    np.testing.assert_array_equal(mask, positions() > 100)
    assert (written.shape, written.kind, written.unit) == (SHAPE, info.kind, info.unit)
    np.testing.assert_allclose(written.affine, info.affine)
    np.testing.assert_array_equal(read_volume(result, "depth")[1], mask)
    # as many planes of the same size, so that any viewer lays one over the other
    if kind == "nifti":
        assert nib.load(result).get_fdata().size == nib.load(path).get_fdata().size
    else:
        assert tifffile.imread(result).shape == tifffile.imread(path).shape


def test_colours_are_no_slices(tmp_path):
    path = tmp_path / "photo.tif"
    tifffile.imwrite(path, np.zeros((20, 30, 3), np.uint8), photometric="rgb")
    for channel in (None, 0, "depth"):
        with pytest.raises(ValueError, match="a colour picture of one plane, and not a volume") as error:
            read_header(path, channel)
        told(error, path)
