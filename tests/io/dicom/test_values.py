import numpy as np
import pytest

from scripts.io import read_volume

pytest.importorskip("pydicom")
from tests.helpers.dicom_examples import series, voxels


@pytest.mark.parametrize(
    ("dtype", "tags", "expected"),
    [
        (np.uint8, {}, np.uint8),
        (np.uint16, {}, np.uint16),
        (np.int16, {}, np.int16),
        (np.uint16, {"RescaleSlope": 1, "RescaleIntercept": -1024}, np.int32),
        (np.uint16, {"RescaleSlope": 1, "RescaleIntercept": -1024, "BitsStored": 12, "HighBit": 11}, np.int16),
        (np.int16, {"RescaleSlope": 0.5, "RescaleIntercept": 10}, np.float32),
        (np.uint32, {"RescaleSlope": 0.5, "RescaleIntercept": 10}, np.float64),
    ],
)
def test_slope_and_intercept(tmp_path, dtype, tags, expected):
    info, values = read_volume(series(tmp_path / "scan", voxels(dtype=dtype), **tags))
    assert info.dtype == values.dtype == expected
    scaled = voxels(dtype=dtype).astype(float) * tags.get("RescaleSlope", 1.0) + tags.get("RescaleIntercept", 0.0)
    np.testing.assert_array_equal(values, scaled.transpose(2, 1, 0))


def test_each_slice_has_its_own_slope(tmp_path):
    def slopes(ds, number):
        ds.RescaleSlope, ds.RescaleIntercept = number + 1, 0

    _, values = read_volume(series(tmp_path / "scan", change=slopes))
    np.testing.assert_array_equal(values, (voxels() * np.arange(1, 5)[:, None, None]).transpose(2, 1, 0))


@pytest.mark.parametrize(("dtype", "bits", "total"), [(np.uint8, 8, 255), (np.uint16, 12, 4095), (np.int16, 16, -1)])
def test_white_is_zero_is_turned_over(tmp_path, dtype, bits, total):
    tags = {"PhotometricInterpretation": "MONOCHROME1", "BitsStored": bits, "HighBit": bits - 1}
    _, values = read_volume(series(tmp_path / "scan", voxels(dtype=dtype), **tags))
    np.testing.assert_array_equal(values, total - voxels(dtype=dtype).transpose(2, 1, 0).astype(int))
