import json

import numpy as np
import pytest

from scripts.inference import write_block
from scripts.io import open_volume, read_volume, write_volume
from scripts.transforms import scaling_of

BOX = ((4, 12), (2, 8), (1, 5))
AFFINE = np.array([[0, -0.5, 0, 10], [0.5, 0, 0, -3], [0, 0, 2, 7], [0, 0, 0, 1.0]])


def volume(path, dtype=np.uint16, **place):
    voxels = np.random.default_rng(0).integers(0, 900, (16, 12, 8)).astype(dtype)
    return write_volume(path, voxels, **place), voxels


def test_a_block_lies_where_it_was_and_has_its_volumes_range(tmp_path):
    path, voxels = volume(tmp_path / "a.nii.gz", affine=AFFINE, unit="mm")
    with open_volume(path) as opened:
        scaling = scaling_of(opened)
        block = write_block(opened, BOX, tmp_path / "b.nii.gz", (scaling.low, scaling.high))
    info, found = read_volume(block)
    assert np.array_equal(found, voxels[4:12, 2:8, 1:5])
    assert info.intensity_range == (voxels.min(), voxels.max())
    assert info.affine @ [0, 0, 0, 1] == pytest.approx(AFFINE @ [4, 2, 1, 1])
    assert info.unit == "mm"
    assert json.loads(json.dumps(info.provenance)) == {"volume": "a.nii.gz", "box": "4:12,2:8,1:5"}


def test_a_block_of_a_tiff_keeps_the_voxel_size_and_says_nothing_of_places(tmp_path, caplog):
    path, _ = volume(tmp_path / "a.tif", voxel_size=(1, 1, 5), unit="µm")
    with open_volume(path) as opened:
        info, _ = read_volume(write_block(opened, BOX, tmp_path / "b.tif", (0, 899)))
    assert (info.voxel_size, info.unit) == (pytest.approx((1e-3, 1e-3, 5e-3)), "µm")
    assert not caplog.messages


def test_voxels_that_few_files_hold_become_float(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(16 * 12 * 8).reshape(16, 12, 8).astype(np.int32) - 700)
    with open_volume(tmp_path / "a.npy") as opened:
        whole = opened.read(tuple((0, side) for side in opened.info.shape))
        _, found = read_volume(write_block(opened, BOX, tmp_path / "b.tif"))
    assert np.array_equal(found, whole[4:12, 2:8, 1:5])
    assert found.dtype == np.float32
