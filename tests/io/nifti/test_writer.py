import itk
import nibabel as nib
import numpy as np
import pytest

from scripts.io.nifti import read_nifti, read_nifti_header, write_nifti
from scripts.io.volume import Geometry
from tests.helpers.volume_examples import SHAPE, SHEARED, nifti, positions

LPS = np.array([[-0.4, 0, 0, 10], [0, -0.4, 0, 20], [0, 0, 1.5, -30], [0, 0, 0, 1]])
FIELDS = [  # of the original header that must come back bit for bit
    *("pixdim", "xyzt_units", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x"),
    *("qoffset_y", "qoffset_z", "srow_x", "srow_y", "srow_z"),
]


def raw_header(path):
    """The bytes on disk: nibabel's own `load` hides the slope."""
    return nib.Nifti1Header(path.read_bytes()[:348], endianness=nib.load(path).header.endianness, check=False)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("affine", [SHEARED, LPS, np.diag([0.5, 0.5, 2, 1])], ids=["sheared", "LPS", "plain"])
@pytest.mark.parametrize("codes", [(3, 1), (0, 1), (2, 0), (0, 0), (1, 4)])
@pytest.mark.parametrize(("unit", "endianness"), [("mm", "<"), ("micron", ">"), ("unknown", "<")])
def test_geometry_comes_back_bit_for_bit(tmp_path, suffix, affine, codes, unit, endianness):
    one = nifti(tmp_path / f"a{suffix}", affine=affine, codes=codes, unit=unit, endianness=endianness, slope=(2, 1))
    two = tmp_path / f"b{suffix}"
    info = read_nifti_header(one)
    write_nifti(two, positions(), Geometry(info.affine, info.unit, info.source, unmoved=True), {})
    before, after = nib.load(one), nib.load(two)
    assert after.header.endianness == endianness
    for field in FIELDS:
        assert before.header[field].tobytes() == after.header[field].tobytes(), field
    assert before.affine.tobytes() == after.affine.tobytes()
    assert after.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(np.asarray(after.dataobj), positions())
    if suffix == ".nii":
        assert (raw_header(two)["scl_slope"], raw_header(two)["scl_inter"]) == (1, 0)


def test_itk_sees_the_same_place(tmp_path):
    one = nifti(tmp_path / "a.nii.gz", affine=LPS, codes=(1, 1))
    info = read_nifti_header(one)
    write_nifti(tmp_path / "b.nii.gz", positions(), Geometry(info.affine, info.unit, info.source, unmoved=True), {})
    before, after = itk.imread(str(one)), itk.imread(str(tmp_path / "b.nii.gz"))
    assert list(before.GetOrigin()) == list(after.GetOrigin())
    assert list(before.GetSpacing()) == list(after.GetSpacing())
    np.testing.assert_array_equal(itk.array_from_image(after).transpose(2, 1, 0), positions())


def test_a_moved_block_keeps_unit_and_code(tmp_path):
    info = read_nifti_header(nifti(tmp_path / "a.nii", affine=LPS, unit="micron", codes=(2, 1)))
    moved = info.affine.copy()
    moved[:3, 3] += 3 * moved[:3, 0]
    write_nifti(tmp_path / "b.nii", positions((2, 3, 4)), Geometry(moved, info.unit, info.source), {})
    image = nib.load(tmp_path / "b.nii")
    assert image.header.get_xyzt_units()[0] == "micron"
    assert int(image.header["sform_code"]) == 2
    np.testing.assert_allclose(image.affine[:3, 3], [10 - 3 * 0.4, 20, -30], rtol=1e-6)
    np.testing.assert_allclose(image.header.get_qform(), image.affine, rtol=1e-5)


@pytest.mark.parametrize(("unit", "mm", "stored"), [("µm", 1e-3, 1), ("nm", 1e-6, 1e-6), ("", 1, 1)])
def test_from_nothing(tmp_path, unit, mm, stored):
    path = tmp_path / "a.nii.gz"
    write_nifti(path, positions(), Geometry(np.diag([2 * mm, 3 * mm, 4 * mm, 1]), unit), {})
    np.testing.assert_allclose(nib.load(path).header.get_zooms(), np.array([2, 3, 4]) * stored, rtol=1e-6)
    if unit:
        np.testing.assert_allclose(read_nifti_header(path).voxel_size, np.array([2, 3, 4]) * mm, rtol=1e-6)


def test_channels_go_last_and_a_fourth_axis_of_one_comes_back(tmp_path):
    one = nifti(tmp_path / "a.nii", array=positions(dtype="i2")[..., None])
    info, voxels = read_nifti(one)
    assert voxels.shape == SHAPE
    geometry = Geometry(info.affine, info.unit, info.source, unmoved=True)
    write_nifti(tmp_path / "b.nii", positions(), geometry, {})
    assert nib.load(tmp_path / "b.nii").shape == (*SHAPE, 1)
    write_nifti(tmp_path / "c.nii", np.stack([positions(), positions() * 0]), geometry, {})
    assert nib.load(tmp_path / "c.nii").shape == (*SHAPE, 2)
    np.testing.assert_array_equal(np.asarray(nib.load(tmp_path / "c.nii").dataobj)[..., 0], positions())
