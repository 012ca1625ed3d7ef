"""Which images of a folder are segmented: bad headers are told one by one, results left out."""

import logging

import numpy as np
import pytest

from scripts.data import FAILED, HEADER, checked_images
from scripts.io import write_volume
from tests.helpers.volume_examples import imagej, nifti, npy, told

OURS = {"software": "x 1", "weights": "model.pt", "weights_sha256": "0" * 64}
MASK = np.ones((5, 4, 3), np.uint8)


def names(items):
    return [item["name"] for item in items]


def test_several_images_with_a_bad_one(tmp_path):
    imagej(tmp_path / "a.tif")
    (tmp_path / "b.tif").touch()
    nifti(tmp_path / "c.nii")
    a, b, c = checked_images(tmp_path)
    assert b[FAILED] == f"{tmp_path / 'b.tif'}: the file is empty (0 bytes); copy or export it again"
    assert HEADER not in b
    assert a[HEADER].shape == c[HEADER].shape == (5, 4, 3)


def test_a_bad_one_alone_is_raised(tmp_path):
    (tmp_path / "b.tif").touch()
    for given in (tmp_path, tmp_path / "b.tif"):
        with pytest.raises(ValueError, match="the file is empty") as error:
            checked_images(given)
        told(error, tmp_path / "b.tif")
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        checked_images(tmp_path / "none")


def test_bad_ones_only_are_each_told(tmp_path, caplog):
    for name in "ab":
        (tmp_path / f"{name}.tif").touch()
    with pytest.raises(ValueError, match=r"none of its 2 volumes can be read, the last is .*b\.tif: the file is empty"):
        checked_images(tmp_path)
    assert f"{tmp_path / 'a.tif'}: the file is empty" in caplog.text


@pytest.mark.parametrize("suffix", [".tif", ".ome.tif", ".nii", ".nii.gz", ".zarr"])
def test_results_are_left_out_by_what_they_state(tmp_path, caplog, suffix):
    """Whatever they are called; and what is called so but does not state it is an image."""
    write_volume(tmp_path / f"a{suffix}", MASK, provenance={"scanner": "mine"})
    write_volume(tmp_path / f"a_seg{suffix}", MASK, provenance=OURS)
    write_volume(tmp_path / f"renamed{suffix}", MASK, provenance=OURS)
    write_volume(tmp_path / f"b_seg{suffix}", MASK)
    with caplog.at_level(logging.WARNING):
        assert names(checked_images(tmp_path)) == ["a", "b_seg"]
    assert f"not segmented, because they are results of this bundle: a_seg{suffix}, renamed{suffix}" in caplog.text


def test_results_that_cannot_state_it_are_left_out_by_name(tmp_path):
    for name in ("a", "a_seg", "a_prob", "b_seg"):
        npy(tmp_path / f"{name}.npy")
    assert names(checked_images(tmp_path)) == ["a", "b_seg"]


def test_results_only(tmp_path):
    for name in "ab":
        write_volume(tmp_path / f"{name}_seg.tif", MASK, provenance=OURS)
    with pytest.raises(ValueError, match="holds only results of this bundle; name the folder of the images") as error:
        checked_images(tmp_path)
    told(error, tmp_path)
    assert names(checked_images(tmp_path / "a_seg.tif")) == ["a_seg"]  # a file that is named is meant
    write_volume(tmp_path / "c_seg.ome.zarr", MASK, provenance=OURS)
    assert names(checked_images(tmp_path / "c_seg.ome.zarr")) == ["c_seg"]  # although it is a folder


def test_results_beside_the_images_of_a_dataset(tmp_path):
    write_volume(tmp_path / "images" / "a.tif", MASK)
    write_volume(tmp_path / "images" / "a_seg.tif", MASK, provenance=OURS)
    write_volume(tmp_path / "a_seg.tif", MASK, provenance=OURS)
    assert names(checked_images(tmp_path)) == ["a"]
