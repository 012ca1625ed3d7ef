import os
import shutil

import pytest

from scripts.data import find_dataset, find_images
from scripts.io import holds_series, read_header, write_volume
from tests.helpers.volume_examples import imagej, told

pydicom = pytest.importorskip("pydicom")
from tests.helpers.dicom_examples import multiframe, series, voxels  # noqa: E402


def test_a_folder_of_slices_is_one_volume_by_its_content(tmp_path):
    path = series(tmp_path / "1.2.840.scan")
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "IM1").write_text("no DICOM")
    os.mkfifo(tmp_path / "none" / "IM2")
    assert holds_series(path)
    assert not holds_series(tmp_path / "none")
    assert not holds_series(tmp_path)
    assert find_images(path) == [{"name": "1.2.840.scan", "image": str(path)}]


def test_files_with_all_slices_are_volumes(tmp_path):
    for name in ("a.dcm", "b.DCM"):
        multiframe(tmp_path / name)
    assert not holds_series(tmp_path)
    assert [item["name"] for item in find_images(tmp_path)] == ["a", "b"]
    assert [item["name"] for item in find_images(tmp_path / "a.dcm")] == ["a"]


def test_slices_and_other_volumes_in_one_folder(tmp_path):
    path = series(tmp_path / "scan")
    imagej(path / "a.tif")
    with pytest.raises(ValueError, match=r"other volumes such as a\.tif") as error:
        find_images(path)
    told(error, path, "DICOM slices such as IM03", "a folder of their own")


def test_a_dataset_of_series(tmp_path):
    for name in ("a", "b"):
        image = series(tmp_path / "images" / name)
        mask = voxels().transpose(2, 1, 0) > 500
        write_volume(tmp_path / "labels" / f"{name}.dcm", mask, like=read_header(image))
    imagej(tmp_path / "images" / "c.tif")
    assert [item["name"] for item in find_images(tmp_path)] == ["a", "b", "c"]
    (tmp_path / "images" / "c.tif").unlink()
    found = find_dataset(tmp_path)
    assert [(item["name"], item["shape"]) for item in found] == [("a", (7, 5, 4)), ("b", (7, 5, 4))]


def test_a_label_that_lies_elsewhere(tmp_path):
    image = series(tmp_path / "images" / "a")
    other = series(tmp_path / "other", ImageOrientationPatient=[1, 0, 0, 0, 1, 0], at=[0] * 4, change=_upright)
    write_volume(tmp_path / "labels" / "a.dcm", voxels().transpose(2, 1, 0) > 500, like=read_header(other))
    with pytest.raises(ValueError, match="another voxel size or position") as error:
        find_dataset(tmp_path)
    told(error, tmp_path / "labels" / "a.dcm", str(image))


def _upright(ds, number):
    ds.ImagePositionPatient = [0, 0, 2.5 * number]


def test_without_pydicom_one_line_says_what_to_install(tmp_path, monkeypatch):
    path = series(tmp_path / "scan")
    monkeypatch.setitem(__import__("sys").modules, "pydicom", None)
    assert holds_series(path)
    with pytest.raises(ValueError, match=r"takes pydicom, which is not installed") as error:
        read_header(path)
    told(error, path / "IM03", "pip install 'tubenet[dicom]'")
    shutil.rmtree(path)
