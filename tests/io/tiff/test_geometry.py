import numpy as np
import pytest
import tifffile

from scripts.io.tiff.geometry import coarser, imagej_voxels, ome_voxels, resolution_tags, shaped_voxels
from tests.helpers.volume_examples import plain

TWO_A_UNIT = {"resolution": [[2, 1], [2, 1]], "resolutionunit": 1}


@pytest.mark.parametrize(("unit", "mm"), [("um", 1e-3), ("\\u00B5m", 1e-3), ("micron", 1e-3), ("mm", 1), ("nm", 1e-6)])
def test_imagej_states_pixels_a_unit(unit, mm):
    affine, _ = imagej_voxels({"spacing": 3.0, "unit": unit}, TWO_A_UNIT)
    np.testing.assert_allclose(np.diag(affine), [0.5 * mm, 0.5 * mm, 3 * mm, 1], rtol=1e-15)


def test_imagej_leaves_out_what_is_one():
    affine, unit = imagej_voxels({"unit": "um"}, {})
    assert unit == "µm"
    assert np.diag(affine).tolist() == [1e-3, 1e-3, 1e-3, 1]


def test_imagej_axes_may_have_their_own_units():
    affine, unit = imagej_voxels({"unit": "um", "zunit": "mm", "spacing": 0.005}, TWO_A_UNIT)
    assert unit == "µm"
    assert affine[2, 2] == 0.005


@pytest.mark.parametrize("metadata", [{"spacing": 3.0}, {"unit": "pixel", "spacing": 0.0078}, {"unit": "lightyear"}])
def test_no_unit_no_voxel_size(metadata):
    affine, unit = imagej_voxels(metadata, TWO_A_UNIT)
    assert unit == ""
    assert np.array_equal(affine, np.eye(4))


def test_ome_units_are_micrometres_unless_named():
    sizes = {"PhysicalSizeX": "500", "PhysicalSizeXUnit": "nm", "PhysicalSizeY": "0.25", "PhysicalSizeZ": "2"}
    affine, unit = ome_voxels(sizes)
    assert unit == "nm"
    np.testing.assert_allclose(np.diag(affine), [5e-4, 2.5e-4, 2e-3, 1], rtol=1e-15)


@pytest.mark.parametrize("pixels", [{}, {"PhysicalSizeX": "1", "PhysicalSizeY": "1"}, {"PhysicalSizeX": "0"}])
def test_ome_without_all_three_sizes_states_none(pixels):
    assert ome_voxels(pixels)[1] == ""


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"resolution": [[72, 1], [72, 1]], "resolutionunit": 2},
        {"resolution": [[300, 1], [300, 1]], "resolutionunit": 2},
        {"resolution": [[10000, 1], [10000, 1]], "resolutionunit": 3},
    ],
)
def test_resolution_tags_alone_state_no_voxel_size(tags):
    assert shaped_voxels({"shape": [3, 4, 5]}, tags)[1] == ""


def test_tifffile_may_state_all_three():
    affine, unit = shaped_voxels({"spacing": 3, "unit": "um"}, TWO_A_UNIT)
    assert unit == "µm"
    np.testing.assert_allclose(np.diag(affine), [5e-4, 5e-4, 3e-3, 1], rtol=1e-15)


@pytest.mark.parametrize(("stored", "kept"), [(1, 1), (2, 2), (3, 3), (8, 1), (32767, 1)])
def test_a_unit_of_resolution_that_tiff_does_not_know_is_none(tmp_path, stored, kept):
    path = plain(tmp_path / "a.tif", resolution=(2, 2), resolutionunit=3)
    with tifffile.TiffFile(path, mode="r+") as tif:
        tif.pages[0].tags["ResolutionUnit"].overwrite(stored)
    with tifffile.TiffFile(path) as tif:
        assert resolution_tags(tif.pages[0])["resolutionunit"] == kept


def test_a_level_of_a_pyramid_states_its_own_voxel_size():
    """Every second voxel along X and Y, every third along Z; what is not a number stays as it is."""
    tags = {"resolution": [[3, 1], [2**31, 3 * 2**29]], "resolutionunit": 1}
    source, tags = coarser({"spacing": 2.0, "unit": "um"}, tags, (2, 2, 3))
    assert source == {"spacing": 6.0, "unit": "um"}
    assert tags == {"resolution": [[3, 2], [2, 3]], "resolutionunit": 1}
    physical = {"PhysicalSizeX": "0.25", "PhysicalSizeY": "0.25", "PhysicalSizeZ": "?", "PhysicalSizeXUnit": "mm"}
    source, tags = coarser({"physical": physical}, {}, (2, 4, 1))
    assert source == {"physical": {**physical, "PhysicalSizeX": "0.5", "PhysicalSizeY": "1.0"}}
    assert tags == {}
