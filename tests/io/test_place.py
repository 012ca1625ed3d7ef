"""A label is compared with its image in what both files state, and in no more."""

import nibabel as nib
import numpy as np
import pytest

from scripts.io import difference, read_header, write_volume
from tests.helpers.volume_examples import SHAPE, imagej, nifti, npy, plain, positions

ONES = np.eye(4)
FLIPPED = np.array([[-1.0, 0, 0, 4], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
PERMUTED = np.array([[0.0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
SHIFTED = np.array([[1.0, 0, 0, 0], [0, 1, 0, 2], [0, 0, 1, 0], [0, 0, 0, 1]])
TURNED = np.array([[0.995, -0.0998, 0, 0], [0.0998, 0.995, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


def compared(folder, label, image):
    """What a NIfTI label contradicts its NIfTI image in; each is a dictionary for `nifti`."""
    paths = [nifti(folder / f"{name}.nii", **how) for name, how in (("label", label), ("image", image))]
    return difference(*(read_header(path) for path in paths))


@pytest.mark.parametrize("units", [("unknown", "unknown"), ("unknown", "mm"), ("mm", "unknown"), ("mm", "mm")])
@pytest.mark.parametrize(
    ("affine", "words"),
    [
        (ONES, ""),
        (FLIPPED, "its axes run LAS, those of its image RAS"),
        (PERMUTED, "its axes run ARS, those of its image RAS"),
        (SHIFTED, "it lies 0, 2, 0 voxels away along X, Y, Z"),
        (TURNED, "it is turned or sheared against its image"),
        (np.diag([1.0, 1, 2, 1]), "its voxels are 1 × 1 × 2 mm, those of its image 1 × 1 × 1"),
    ],
    ids=["same", "flipped", "permuted", "shifted", "turned", "coarser"],
)
def test_an_affine_counts_whatever_its_unit(tmp_path, units, affine, words):
    found = compared(tmp_path, {"affine": affine, "unit": units[0]}, {"affine": ONES, "unit": units[1]})
    assert found.removesuffix(" mm") == words


def test_nibabels_default_header(tmp_path):
    """As most labels are saved: `nibabel.save(Nifti1Image(label, affine))` names no unit."""
    nib.save(nib.Nifti1Image(positions(), FLIPPED), tmp_path / "label.nii.gz")
    nib.save(nib.Nifti1Image(positions(), ONES), tmp_path / "image.nii.gz")
    headers = [read_header(tmp_path / name) for name in ("label.nii.gz", "image.nii.gz")]
    assert [header.unit for header in headers] == ["", ""]
    assert difference(*headers) == "its axes run LAS, those of its image RAS"


@pytest.mark.parametrize("size", [0.5, 1.0])
def test_a_unit_that_was_dropped_is_that_of_the_image(tmp_path, size):
    affine = np.diag([size, size, 2, 1])
    image = {"affine": affine, "unit": "micron"}
    assert compared(tmp_path, {"affine": affine, "unit": "unknown"}, image) == ""
    assert compared(tmp_path, image, {"affine": affine, "unit": "unknown"}) == ""
    assert "its voxels are" in compared(tmp_path, {"affine": affine, "unit": "mm"}, image)
    assert "its axes run" in compared(tmp_path, {"affine": affine @ FLIPPED, "unit": "unknown"}, image)


def test_no_place_where_neither_sform_nor_qform_counts(tmp_path):
    """nibabel then makes a place up, with X running left."""
    nowhere = {"affine": ONES, "codes": (0, 0)}
    assert compared(tmp_path, nowhere, {"affine": ONES}) == compared(tmp_path, {"affine": SHIFTED}, nowhere) == ""
    assert "its voxels are" in compared(tmp_path, {**nowhere, "affine": np.diag([1.0, 1, 2, 1])}, {"affine": ONES})


def test_tiff_states_a_voxel_size_and_no_place(tmp_path):
    image = read_header(imagej(tmp_path / "i.tif"))  # 0.5 x 0.5 x 2 µm
    sizes = np.diag([0.5, 0.5, 2, 1])
    for affine in (sizes, sizes @ FLIPPED, sizes @ SHIFTED):
        for unit in ("micron", "unknown"):
            label = read_header(nifti(tmp_path / "l.nii", affine=affine, unit=unit))
            assert difference(label, image) == difference(image, label) == ""
    label = read_header(nifti(tmp_path / "l.nii", affine=np.diag([0.5, 0.5, 3, 1]), unit="micron"))
    assert difference(label, image) == "its voxels are 0.0005 × 0.0005 × 0.003 mm, those of its image " + (
        "0.0005 × 0.0005 × 0.002 mm"
    )
    label = read_header(nifti(tmp_path / "l.nii", affine=np.diag([0.5, 2, 0.5, 1]), unit="micron"))  # X, Y, Z count
    assert "its voxels are" in difference(label, image)


def test_what_states_nothing_contradicts_nothing(tmp_path):
    image = read_header(nifti(tmp_path / "i.nii"))
    for other in (npy(tmp_path / "a.npy"), plain(tmp_path / "a.tif")):
        assert difference(read_header(other), image) == difference(image, read_header(other)) == ""


def test_the_header_comes_back_bit_for_bit_although_its_unit_is_unknown(tmp_path):
    image = nifti(tmp_path / "i.nii", affine=FLIPPED, unit="unknown")
    result = write_volume(tmp_path / "i_seg.nii", np.zeros(SHAPE, np.uint8), read_header(image))
    assert difference(read_header(result), read_header(image)) == ""
    assert nib.load(result).affine.tobytes() == nib.load(image).affine.tobytes()
    assert nib.load(result).header["xyzt_units"] == nib.load(image).header["xyzt_units"] == 0
