import numpy as np
import pytest

from scripts.io import write_volume
from scripts.report.page import voxels
from scripts.report.page.voxels import means, read_points, read_shown, steps_for, vessel_shares


@pytest.fixture
def volume(tmp_path):
    array = np.random.default_rng(0).integers(0, 200, (37, 30, 11), dtype=np.uint8)
    array[array < 150] = 0
    return write_volume(tmp_path / "a.nii.gz", array), array


@pytest.mark.parametrize(
    ("shape", "spacing", "most", "steps"),
    [
        ((10, 10, 10), (1, 1, 1), 1000, (1, 1, 1)),
        ((512, 512, 15), (1, 1, 5), 10**6, (2, 2, 1)),  # the slices are far apart already
        ((8, 8, 8), (1, 1, 1), 1, (8, 8, 8)),
    ],
)
def test_finer_axes_get_longer_steps(shape, spacing, most, steps):
    assert steps_for(shape, spacing, most) == steps


@pytest.mark.parametrize("most", [10**6, 500])
@pytest.mark.parametrize("steps", [(1, 1, 1), (3, 2, 1), (4, 4, 4)])
def test_every_so_many_voxels_in_blocks_of_any_size(volume, monkeypatch, steps, most):
    monkeypatch.setattr(voxels, "MAX_BLOCK", most)
    path, array = volume
    assert np.array_equal(read_shown(path, steps), array[:: steps[0], :: steps[1], :: steps[2]])
    box = ((5, 37), (0, 30), (3, 9))
    inside = array[5:37, :, 3:9][:: steps[0], :: steps[1], :: steps[2]]
    assert np.array_equal(read_shown(path, steps, box=box), inside)


def test_a_large_volume_is_never_read_whole(volume, monkeypatch):
    monkeypatch.setattr(voxels, "MAX_BLOCK", 500)
    read = []
    real = voxels.Volume.read
    monkeypatch.setattr(voxels.Volume, "read", lambda self, box: read.append(box) or real(self, box))
    read_shown(volume[0], (2, 2, 1))
    assert max(np.prod([stop - start for start, stop in box]) for box in read) <= 4 * 500  # rounded up to whole steps


@pytest.mark.parametrize("most", [10**6, 300])
def test_cells_hold_the_share_of_vessel(volume, monkeypatch, most):
    monkeypatch.setattr(voxels, "MAX_BLOCK", most)
    path, array = volume
    shares = vessel_shares(path, (4, 4, 3))
    assert shares.shape == (10, 8, 4)
    assert shares[1, 2, 1] == pytest.approx((array[4:8, 8:12, 3:6] > 0).mean())
    assert shares[9, 7, 3] == pytest.approx((array[36:, 28:, 9:] > 0).mean())


def test_means_of_means_are_means():
    array = np.random.default_rng(0).random((8, 8, 8))
    assert np.allclose(means(means(array, (2, 2, 2)), (2, 2, 2)), means(array, (4, 4, 4)), atol=1e-6)


def test_points_are_where_a_volume_is_above_0(volume):
    path, array = volume
    places, values = read_points(path)
    assert len(places) == (array > 0).sum()
    assert np.array_equal(values, array[tuple(places.T)])
