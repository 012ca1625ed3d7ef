"""A volume of 48 GB opens, a box of it is segmented and corrected, and memory stays where it was."""

import resource

import numpy as np
import pytest
import zarr

from scripts.core import UserError
from scripts.io import read_volume

SHAPE, CORNER = (3000, 4000, 4000), (1500, 2000, 2048)  # Z, Y, X
MB = 2**20


def resident():
    """Bytes of memory that this process has."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def test_a_volume_larger_than_memory(desk, volume, tmp_path):
    path = tmp_path / "large.zarr"
    _, voxels = read_volume(volume)
    empty = int(np.median(voxels))  # as its background, or all of it would look like one wide vessel
    array = zarr.create_array(
        path, shape=SHAPE, chunks=(128,) * 3, dtype="uint8", fill_value=empty, dimension_names=["z", "y", "x"]
    )
    part = tuple(slice(at, at + side) for at, side in zip(CORNER, voxels.shape[::-1], strict=True))
    array[part] = voxels.transpose(2, 1, 0)
    seen = [resident()]
    image = desk.open(path)
    assert image.data.nbytes == 48e9
    for z in range(1490, 1540, 5):
        desk.viewer.dims.set_point(0, z)
        seen.append(resident())
    x0, y0, z0 = CORNER[::-1]
    labels = desk.segment_box(f"{x0}:{x0 + 64},{y0}:{y0 + 64},{z0}:{z0 + 32}")
    np.testing.assert_allclose(labels.translate, CORNER)
    assert 0.02 < (labels.data > 0).mean() < 0.5
    labels.data_setitem((np.array([3]), np.array([4]), np.array([5])), 1)
    desk.widget.correct.mark_all()
    desk.workspace.save_corrections()
    _, kept = read_volume(desk.workspace.session.file_of(desk.widget.correct.chosen(), "corrected"))
    assert kept[5, 4, 3] == 1
    seen.append(resident())
    with pytest.raises(UserError, match=r"this view of it takes 48 GB, .* hide it, or go back to 2-D"):
        desk.viewer.dims.ndisplay = 3
    desk.viewer.dims.ndisplay = 2
    desk.viewer.dims.set_point(0, 1510)
    assert image._slice.image.raw.shape == SHAPE[1:]
    image.visible = False
    desk.viewer.dims.ndisplay = 3  # of the box alone
    assert desk.viewer.dims.ndisplay == 3
    seen.append(resident())
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(f"viewer {[round(each / MB) for each in seen]} MB, jobs at most {children / MB:.0f} MB")
    assert max(seen) - seen[0] < 600 * MB
    assert children < 3000 * MB
