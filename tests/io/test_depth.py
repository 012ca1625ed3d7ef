"""Slices that a program stored as channels or time points are read and written as slices, if one says so."""

import nibabel as nib
import numpy as np
import pytest
import tifffile

from scripts.io import read_header, read_volume, write_volume
from tests.helpers.volume_examples import SHAPE, nifti, ome, plain, positions, told, zyx

AFFINE = np.diag([0.5, 0.5, 2.0, 1.0])


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
