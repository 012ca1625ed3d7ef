import json

import numpy as np

from scripts.core import same_grid
from scripts.io import VolumeInfo
from scripts.io.volume import Geometry
from tests.helpers.volume_examples import SHEARED


def volume(**kwargs):
    defaults = dict(path="a.tif", kind="tiff", shape=(5, 4, 3), dtype=np.dtype("u2"), affine=np.diag([1.0, 2, 3, 1]))
    return VolumeInfo(**{**defaults, "unit": "mm", "axes": "ZYX", "stored_shape": (3, 4, 5), **kwargs})


def test_spacing_and_size():
    assert volume().spacing == (1, 2, 3)
    assert volume().nbytes == 120
    assert Geometry(np.diag([1.0, 2, 3, 1])).spacing == (1, 2, 3)


def test_metadata_is_flat_and_without_none():
    meta = volume(intensity_range=(0.0, 9.0), source={"kind": "tiff", "bigtiff": True}).meta()
    assert all(isinstance(value, str | float | np.ndarray) for value in meta.values())
    assert json.loads(meta["volume_source"]) == {"kind": "tiff", "bigtiff": True}
    assert meta["intensity_range"].tolist() == [0, 9]
    assert "intensity_range" not in volume().meta()


def test_rounding_does_not_move_a_grid_and_a_voxel_does():
    shifted = SHEARED.copy()
    shifted[:3, 3] += SHEARED[:3, 0]
    assert same_grid(SHEARED * (1 + 1e-7), SHEARED, (300, 300, 300))
    assert not same_grid(shifted, SHEARED, (300, 300, 300))
    assert not same_grid(SHEARED, np.zeros((4, 4)), (3, 3, 3))
