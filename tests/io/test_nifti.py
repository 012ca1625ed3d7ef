import gzip

import itk
import nibabel as nib
import numpy as np
import pytest

from scripts.io.nifti import read_nifti, read_nifti_header, write_nifti
from scripts.io.volume import Geometry
from tests.helpers.volume_examples import SHAPE, SHEARED, nifti, positions, shared_files, told

LPS = np.array([[-0.4, 0, 0, 10], [0, -0.4, 0, 20], [0, 0, 1.5, -30], [0, 0, 0, 1]])
FIELDS = [  # of the original header that must come back bit for bit
    *("pixdim", "xyzt_units", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x"),
    *("qoffset_y", "qoffset_z", "srow_x", "srow_y", "srow_z"),
]


def raw_header(path):
    """The bytes on disk: nibabel's own `load` hides the slope."""
    return nib.Nifti1Header(path.read_bytes()[:348], endianness=nib.load(path).header.endianness, check=False)


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "f4", "f8"])
@pytest.mark.parametrize("endianness", ["<", ">"])
def test_values_of_every_type(tmp_path, dtype, endianness):
    path = nifti(tmp_path / "a.nii.gz", dtype, endianness=endianness)
    info, voxels = read_nifti(path)
    assert (info.shape, info.dtype) == (SHAPE, np.dtype(dtype))
    assert voxels.dtype == info.dtype
    assert voxels.dtype.isnative
    np.testing.assert_array_equal(voxels, positions())


@pytest.mark.parametrize(("stored", "read"), [("u1", "f4"), ("i2", "f4"), ("i4", "f8"), ("f4", "f4"), ("f8", "f8")])
def test_the_slope_is_applied(tmp_path, stored, read):
    info, voxels = read_nifti(nifti(tmp_path / "a.nii", array=positions(dtype=stored) * 2, slope=(0.5, 7)))
    assert voxels.dtype == info.dtype == np.dtype(read)
    np.testing.assert_array_equal(voxels, nib.load(tmp_path / "a.nii").get_fdata())


@pytest.mark.parametrize(("unit", "mm", "name"), [("mm", 1, "mm"), ("micron", 1e-3, "µm"), ("meter", 1e3, "m")])
def test_the_affine_is_in_millimetres(tmp_path, unit, mm, name):
    info = read_nifti_header(nifti(tmp_path / "a.nii", unit=unit))
    stored = nib.load(tmp_path / "a.nii").affine
    assert info.unit == name
    np.testing.assert_allclose(info.affine[:3], stored[:3] * mm, rtol=1e-12)


def test_a_unit_not_given_is_millimetres_but_none_if_all_is_one(tmp_path):
    assert read_nifti_header(nifti(tmp_path / "a.nii", unit="unknown")).unit == "mm"
    info = read_nifti_header(nifti(tmp_path / "b.nii", unit="unknown", affine=np.eye(4)))
    assert info.unit == ""
    assert info.voxel_size == (1, 1, 1)


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


def test_metadata_is_a_comment(tmp_path):
    path = tmp_path / "a.nii.gz"
    metadata = {"provenance": {"weights": "é" * 100}, "intensity_range": [0.0, 160.0]}
    write_nifti(path, positions(), Geometry(np.eye(4)), metadata)
    info, voxels = read_nifti(path)
    assert (info.provenance, info.intensity_range) == (metadata["provenance"], (0.0, 160.0))
    assert nib.load(path).header.extensions[0].get_code() == 6
    np.testing.assert_array_equal(voxels, positions())


def test_a_channel_is_chosen(tmp_path):
    path = nifti(tmp_path / "a.nii.gz", array=np.stack([positions() * 0, positions()], -1))
    np.testing.assert_array_equal(read_nifti(path, 1)[1], positions())
    scaled = nifti(tmp_path / "b.nii", array=np.stack([positions() * 0, positions()], -1) * 2, slope=(0.5, 1))
    np.testing.assert_array_equal(read_nifti(scaled, 1)[1], nib.load(scaled).get_fdata()[..., 1])
    with pytest.raises(ValueError, match="XYZT") as error:
        read_nifti_header(path)
    told(error, path, "(5, 4, 3, 2)", "--channel 0..1")


@pytest.mark.parametrize(
    ("array", "word"),
    [
        (positions(dtype="c8"), "complex"),
        (np.zeros(SHAPE, [("R", "u1"), ("G", "u1"), ("B", "u1")]), "colours"),
        (positions()[..., 0], "axis Z has length 1"),
        (np.zeros((5, 4, 3, 2, 2), "u1"), "along both"),
    ],
)
def test_what_is_not_a_volume_is_told(tmp_path, array, word):
    path = nifti(tmp_path / "a.nii.gz", array=array)
    with pytest.raises(ValueError, match="nii") as error:
        read_nifti_header(path)
    told(error, path, word)


def test_an_affine_without_inverse(tmp_path):
    path = nifti(tmp_path / "a.nii", affine=np.diag([1.0, 1, 1, 1]))
    content = bytearray(path.read_bytes())
    content[296:312] = b"\0" * 16  # srow_y
    path.write_bytes(content)
    with pytest.raises(ValueError, match="no inverse") as error:
        read_nifti_header(path)
    told(error, path)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_cut_anywhere_the_header_alone_tells(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 255, (9, 8, 7)).astype("u1")
    whole = nifti(tmp_path / f"whole{suffix}", array=noise).read_bytes()
    path = tmp_path / f"a{suffix}"
    for length in range(1, len(whole) - 8, 13):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="nii") as error:
            read_nifti_header(path)
        told(error, path)


def test_gzip_in_several_members_is_whole(tmp_path):
    raw = nifti(tmp_path / "a.nii").read_bytes()
    path = tmp_path / "b.nii.gz"
    path.write_bytes(gzip.compress(raw[:380]) + gzip.compress(raw[380:]))
    np.testing.assert_array_equal(read_nifti(path)[1], positions())


@pytest.mark.parametrize("path", shared_files("*/*.nii.gz"), ids=lambda path: path.name)
def test_real_volumes(path, tmp_path):
    info, voxels = read_nifti(path)
    np.testing.assert_array_equal(voxels, np.asarray(nib.load(path).dataobj))
    mask = (voxels > voxels.mean()).astype(np.uint8)
    write_nifti(tmp_path / "a.nii.gz", mask, Geometry(info.affine, info.unit, info.source, unmoved=True), {})
    before, after = nib.load(path), nib.load(tmp_path / "a.nii.gz")
    assert all(before.header[field].tobytes() == after.header[field].tobytes() for field in FIELDS)
    np.testing.assert_array_equal(np.asarray(after.dataobj), mask)
