import numpy as np
import pytest

from scripts.io import read_header
from tests.helpers.volume_examples import told

pytest.importorskip("pydicom")
from tests.helpers.dicom_examples import (
    COLUMNS_RUN,
    NORMAL,
    ORIGIN,
    ROWS_RUN,
    STEP,
    affine,
    multiframe,
    series,
    voxels,
)


def refused(path, *words):
    with pytest.raises(ValueError, match=words[0]) as error:
        read_header(path)
    told(error, path, *words)
    assert "Unspeakable" not in str(error.value)


def test_the_affine_comes_from_positions_and_not_from_the_thickness(tmp_path):
    info = read_header(series(tmp_path / "scan"))
    np.testing.assert_allclose(info.affine, affine(), atol=1e-9)
    assert (info.unit, info.has_place, info.assumed_unit) == ("mm", True, False)


def test_slices_lie_along_the_normal_whatever_their_order(tmp_path):
    """Against the normal, the last slice of the scanner is the first along it."""
    info = read_header(series(tmp_path / "scan", at=-STEP * np.arange(4)))
    expected = affine()
    expected[:3, 3] = [-1, -1, 1] * (ORIGIN - 3 * STEP * NORMAL)
    np.testing.assert_allclose(info.affine, expected, atol=1e-9)


def test_rounded_positions_are_equally_spaced(tmp_path):
    info = read_header(series(tmp_path / "scan", voxels(7), at=np.round(np.arange(7) / 3, 2)))
    assert info.voxel_size[2] == pytest.approx(1 / 3)


def test_unequal_spacing(tmp_path):
    path = series(tmp_path / "scan", at=np.array([0, 1, 2, 3.3]))
    refused(path, "not equally spaced", "lie 1.3 mm, elsewhere 1 mm", "dcm2niix")


def test_missing_slices(tmp_path):
    path = series(tmp_path / "scan", at=np.array([0, 2, 4, 10.0]))
    refused(path, "2 slices are missing", "between IM72 and IM03 lie 6 mm, elsewhere 2 mm", "whole series")
    refused(series(tmp_path / "b", at=np.array([0, 1, 3, 4.0])), "a slice is missing", "lie 2 mm")


def test_several_at_one_position(tmp_path):
    refused(series(tmp_path / "a", at=np.array([0, 1, 1, 2.0])), "IM41 and IM72 lie at one position;", "time point")
    refused(series(tmp_path / "b", at=np.array([0, 1, 0, 1.0])), "lie at one position, and 1 more such pairs")


def shifted_by(along):
    def shift(ds, number):
        at = ORIGIN + number * STEP * NORMAL + along(number) * COLUMNS_RUN
        ds.ImagePositionPatient = [float(value) for value in at]

    return shift


def test_under_a_tilted_gantry_z_runs_aslant(tmp_path):
    info = read_header(series(tmp_path / "scan", change=shifted_by(lambda number: 0.4 * number)))
    expected = affine()
    expected[:3, 2] += 0.4 * np.array([-1, -1, 1]) * COLUMNS_RUN
    np.testing.assert_allclose(info.affine, expected, atol=1e-9)
    assert info.voxel_size[2] == pytest.approx(np.hypot(STEP, 0.4))


def test_slices_that_lie_on_no_straight_line(tmp_path):
    path = series(tmp_path / "scan", change=shifted_by(lambda number: 0.4 * number**2))
    refused(path, "lie on no straight line: IM72 is 1.14 voxels beside it", "dcm2niix")


@pytest.mark.parametrize(
    ("tags", "word"),
    [
        ({"ImageOrientationPatient": [*ROWS_RUN, 0.6, -0.8, 0.0]}, "direction"),
        ({"PixelSpacing": [0.7, 0.6]}, "voxel size"),
        ({"Rows": 4}, "rows and columns, (4, 7) and (5, 7)"),
        ({"BitsStored": 12}, "bits"),
        ({"PhotometricInterpretation": "MONOCHROME1"}, "white is zero"),
    ],
)
def test_slices_that_are_not_alike(tmp_path, tags, word):
    def change(ds, number):
        for name, value in tags.items() if number == 2 else ():
            setattr(ds, name, value)

    refused(series(tmp_path / "scan", change=change), "differ in", word, "IM72", "folder of its own")


def test_frames_are_sorted_as_slices_are(tmp_path):
    info = read_header(multiframe(tmp_path / "a.dcm", order=np.array([2, 0, 3, 1])))
    np.testing.assert_allclose(info.affine, affine(), atol=1e-9)
