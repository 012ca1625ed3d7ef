"""Volumes whose every voxel holds its own position, in files of every kind that users have."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import tifffile

from scripts.io import VolumeInfo

SHAPE = (5, 4, 3)  # X, Y, Z: three different sides
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def positions(shape=SHAPE, dtype=np.uint8):
    """Return (X, Y, Z) whose voxels are 1 + x + 10 y + 50 z, each another number below 256."""
    x, y, z = np.indices(shape)
    return (1 + x + 10 * y + 50 * z).astype(dtype)


def zyx(array):
    return np.ascontiguousarray(array.transpose(2, 1, 0))


def imagej(path, dtype=np.uint8, byteorder="<", unit="um", **kwargs):
    """Write an ImageJ stack with a voxel size of 0.5 x 0.5 x 2 of `unit`."""
    metadata = {"axes": "ZYX", "spacing": 2.0, "unit": unit}
    array = zyx(positions(dtype=dtype))
    tifffile.imwrite(path, array, imagej=True, byteorder=byteorder, resolution=(2, 2), metadata=metadata, **kwargs)
    return path


def ome(path, dtype=np.uint8, sizes=(0.5, 0.25, 2.0), unit="µm", array=None, axes="ZYX", **kwargs):
    metadata = {"axes": axes}
    for axis, size in zip("XYZ", sizes, strict=True):
        metadata |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": unit}
    array = zyx(positions(dtype=dtype)) if array is None else array
    tifffile.imwrite(path, array, ome=True, metadata=metadata, photometric="minisblack", **kwargs)
    return path


def plain(path, dtype=np.uint8, array=None, **kwargs):
    array = zyx(positions(dtype=dtype)) if array is None else array
    tifffile.imwrite(path, array, photometric="minisblack", **kwargs)
    return path


def pages(path, dtype=np.uint8, **kwargs):
    """Write pages without any metadata, as scanners and old programs do."""
    with tifffile.TiffWriter(path) as tif:
        for page in zyx(positions(dtype=dtype)):
            tif.write(page, metadata=None, contiguous=False, **kwargs)
    return path


SHEARED = np.array([[0.3, 0.1, 0, 5], [0, -0.7, 0.2, 1], [0.05, 0, 2, 3], [0, 0, 0, 1]])


def nifti(path, dtype=np.int16, affine=SHEARED, unit="mm", codes=(3, 1), slope=None, endianness="<", array=None):
    array = positions(dtype=dtype) if array is None else array
    header = nib.Nifti1Header(endianness=endianness)
    header.set_data_dtype(array.dtype)
    header.set_data_shape(array.shape)
    header.set_sform(affine, codes[0])
    header.set_qform(affine, codes[1], strip_shears=True)
    header.set_xyzt_units(unit)
    image = nib.Nifti1Image(array, None, header)
    if slope:
        image.header.set_slope_inter(*slope)
    nib.save(image, path)
    return path


def npy(path):
    np.save(path, positions())
    return path


def shared_files(pattern):
    """Return files of `shared/data` as a test's parameters, or one that skips without them."""
    reason = "no folder shared/data beside the repository"
    return sorted(SHARED.glob(pattern)) or [pytest.param(SHARED, marks=pytest.mark.skip(reason=reason))]


def told(error, path, *words):
    """Assert that an error is one line about `path`, with a remedy and these words in it."""
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    assert "; " in message
    for word in words:
        assert word in message, message


class HeldVolume:
    """Voxels in memory behind the face of `scripts.io.Volume`; it remembers which boxes were read."""

    def __init__(self, voxels, chunks=(4, 4, 4), intensity_range=None, affine=None):
        self.voxels, self.chunks, self.boxes = voxels, chunks, []
        affine = np.eye(4) if affine is None else affine
        args = ("", "ZYX", voxels.shape[::-1])
        self.info = VolumeInfo(
            Path("held.tif"), "tiff", voxels.shape, voxels.dtype, affine, *args, intensity_range=intensity_range
        )

    def read(self, box):
        self.boxes.append(box)
        return self.voxels[tuple(slice(*bounds) for bounds in box)].copy()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass
