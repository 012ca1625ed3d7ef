import json
import re
from pathlib import Path

import numpy as np

import scripts.io
from scripts.io import VolumeInfo
from scripts.io.volume import Geometry


def volume(**kwargs):
    defaults = dict(path="a.tif", kind="tiff", shape=(5, 4, 3), dtype=np.dtype("u2"), affine=np.diag([1.0, 2, 3, 1]))
    return VolumeInfo(**{**defaults, "unit": "mm", "axes": "ZYX", "stored_shape": (3, 4, 5), **kwargs})


def test_voxel_size_and_bytes():
    assert volume().voxel_size == (1, 2, 3)
    assert volume().nbytes == 120
    assert Geometry(np.diag([1.0, 2, 3, 1])).voxel_size == (1, 2, 3)


def test_metadata_is_flat_and_without_none():
    meta = volume(intensity_range=(0.0, 9.0), source={"kind": "tiff", "bigtiff": True}).meta()
    assert all(isinstance(value, str | float | np.ndarray) for value in meta.values())
    assert json.loads(meta["volume_source"]) == {"kind": "tiff", "bigtiff": True}
    assert meta["intensity_range"].tolist() == [0, 9]
    assert "intensity_range" not in volume().meta()


def test_the_turn_from_lps_to_ras_stands_in_one_place():
    files = Path(scripts.io.__file__).parent.rglob("*.py")
    assert [file.name for file in files if re.search(r"^LPS_TO_RAS = ", file.read_text(), re.M)] == ["volume.py"]
