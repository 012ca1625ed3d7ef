"""What a program has filled in beside a volume decides nothing; what only looks like it counts."""

import numpy as np
import pytest

from scripts.transforms import intensity_range
from scripts.weights import ROBUST


def noise():
    return np.random.default_rng(0).normal(100, 10, (32, 36, 36)).astype(np.float32)


@pytest.mark.parametrize("fill", [0, -32768, -9999])
@pytest.mark.parametrize("planes", [1, 7])
def test_what_a_program_filled_in_does_not_count(fill, planes):
    voxels = (noise() + 30000).astype(np.int32)
    expected = intensity_range(voxels[planes:], **ROBUST)
    voxels[:planes] = fill
    assert intensity_range(voxels, **ROBUST) == expected
    assert intensity_range(voxels, 0, 100) == (fill, voxels.max())


def test_dark_vessels_and_a_black_background_count():
    voxels = noise()
    voxels[:4] = 0  # nearer to the rest than a fill
    assert intensity_range(voxels, **ROBUST)[0] == 0
    sparse = np.zeros((20, 20, 20), np.uint8)
    sparse[:, 9:12, 9:12] = np.random.default_rng(0).integers(200, 255, (20, 3, 3))
    assert intensity_range(sparse, **ROBUST)[0] == 0
