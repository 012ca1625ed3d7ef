"""Segments as viewers store them: overlapping, without empty slices, in another order, and not where they belong."""

import numpy as np
import pytest

from scripts.io import read_header, write_volume

pydicom = pytest.importorskip("pydicom")
highdicom = pytest.importorskip("highdicom")
from scripts.io.dicom import read_segments  # noqa: E402
from tests.helpers.dicom_examples import series  # noqa: E402

SHAPE = (7, 5, 4)  # X, Y, Z of `series`


def vessels():
    array = np.zeros(SHAPE, np.uint8)
    array[1:4, 2, 1] = 1
    array[5, 1:4, 2] = 2
    return array


def stored(folder, array, names=("background", "artery", "liver")):
    image = series(folder / "scan")
    return write_volume(folder / "seg.dcm", array, like=read_header(image), label_names=names), read_header(image)


def changed(path, change):
    ds = pydicom.dcmread(path)
    change(ds)
    ds.save_as(path)
    return path


def test_each_segment_where_it_lies(tmp_path):
    path, info = stored(tmp_path, vessels())
    one, two = read_segments(path, info)
    assert [(each.number, each.name, each.kind) for each in (one, two)] == [
        (1, "artery", "artery"),
        (2, "liver", "vessel"),
    ]
    np.testing.assert_array_equal(one.voxels, vessels() == 1)
    np.testing.assert_array_equal(two.voxels, vessels() == 2)


def test_empty_slices_may_be_left_out_and_the_rest_in_any_order(tmp_path):
    path, info = stored(tmp_path, vessels())

    def keep_what_is_not_empty(ds):
        pixels, groups = ds.pixel_array, list(ds.PerFrameFunctionalGroupsSequence)
        kept = [number for number in reversed(range(len(pixels))) if pixels[number].any()]
        assert 0 < len(kept) < len(pixels)
        ds.PerFrameFunctionalGroupsSequence = pydicom.Sequence([groups[number] for number in kept])
        ds.NumberOfFrames = len(kept)
        ds.PixelData = pydicom.pixels.pack_bits(pixels[kept].ravel())

    segments = read_segments(changed(path, keep_what_is_not_empty), info)
    np.testing.assert_array_equal([each.voxels for each in segments], [vessels() == 1, vessels() == 2])


def test_one_frame_is_enough(tmp_path):
    only = vessels() * (vessels() == 1)
    path, info = stored(tmp_path, only, ("background", "vessel"))

    def keep_one(ds):
        pixels, groups = ds.pixel_array, list(ds.PerFrameFunctionalGroupsSequence)
        (number,) = np.flatnonzero(pixels.any(axis=(1, 2)))
        ds.PerFrameFunctionalGroupsSequence = pydicom.Sequence([groups[number]])
        ds.NumberOfFrames, ds.PixelData = 1, pydicom.pixels.pack_bits(pixels[number].ravel())

    (segment,) = read_segments(changed(path, keep_one), info)
    np.testing.assert_array_equal(segment.voxels, only > 0)


def test_a_frame_may_be_turned(tmp_path):
    """Rows that run the other way, from the other corner, are the same voxels."""
    path, info = stored(tmp_path, vessels())

    def turn(ds):
        pixels = ds.pixel_array[:, :, ::-1]
        direction = ds.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0]
        columns = ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing[1]
        along = np.array(direction.ImageOrientationPatient[:3], float)
        for group in ds.PerFrameFunctionalGroupsSequence:
            position = group.PlanePositionSequence[0]
            start = np.array(position.ImagePositionPatient, float) + along * float(columns) * (pixels.shape[2] - 1)
            position.ImagePositionPatient = [float(f"{value:.9g}") for value in start]
        direction.ImageOrientationPatient = [*(-along), *direction.ImageOrientationPatient[3:]]
        ds.PixelData = pydicom.pixels.pack_bits(np.ascontiguousarray(pixels).ravel())

    one, two = read_segments(changed(path, turn), info)
    np.testing.assert_array_equal(one.voxels, vessels() == 1)
    np.testing.assert_array_equal(two.voxels, vessels() == 2)


@pytest.mark.parametrize(("moved", "words"), [(0.3, "lie on other voxels"), (50.0, "reach beyond the slices")])
def test_other_voxels_are_refused(tmp_path, moved, words):
    path, info = stored(tmp_path, vessels())

    def move(ds):
        for group in ds.PerFrameFunctionalGroupsSequence:
            position = group.PlanePositionSequence[0]
            # along the columns, whose distance is 0.5 mm
            position.ImagePositionPatient = [
                float(f"{value:.9g}")
                for value in np.array(position.ImagePositionPatient, float) + moved * np.array([0.8, 0.6, 0.0])
            ]

    with pytest.raises(ValueError, match=words):
        read_segments(changed(path, move), info)


def test_what_is_no_segmentation(tmp_path):
    info = read_header(series(tmp_path / "scan"))
    with pytest.raises(ValueError, match="cannot be read as a DICOM segmentation"):
        read_segments(next((tmp_path / "scan").iterdir()), info)
