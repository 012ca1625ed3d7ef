import gzip

import nibabel as nib
import numpy as np
import pytest

from scripts.core import UserError
from scripts.io.nifti import read_nifti, read_nifti_header, write_nifti
from scripts.io.volume import Geometry
from tests.helpers.volume_examples import SHAPE, nifti, positions, shared_files, told

FIELDS = [  # of the original header that must come back bit for bit
    *("pixdim", "xyzt_units", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x"),
    *("qoffset_y", "qoffset_z", "srow_x", "srow_y", "srow_z"),
]


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


def test_an_affine_without_inverse(tmp_path):
    path = nifti(tmp_path / "a.nii", affine=np.diag([1.0, 1, 1, 1]))
    content = bytearray(path.read_bytes())
    content[296:312] = b"\0" * 16  # srow_y
    path.write_bytes(content)
    with pytest.raises(ValueError, match="no inverse") as error:
        read_nifti_header(path)
    told(error, path)


def test_no_flipped_bit_gives_other_voxels(tmp_path):
    """Flips of a single bit often decompress without complaint; the checksum at the end tells."""
    noise = np.random.default_rng(0).integers(0, 9, (16, 16, 16)).astype("u1")
    whole = nifti(tmp_path / "whole.nii.gz", array=noise).read_bytes()
    path, refused = tmp_path / "a.nii.gz", 0
    for bit in np.random.default_rng(1).integers(80, 8 * len(whole), 60):
        content = bytearray(whole)
        content[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(content)
        try:
            np.testing.assert_array_equal(read_nifti(path)[1], noise)
        except UserError:
            refused += 1
    assert refused >= 55  # the others hit the file name in the gzip header, or the padding of the last byte


def test_a_channel_of_a_damaged_file_is_refused_too(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (8, 8, 8, 3)).astype("u1")
    path = nifti(tmp_path / "a.nii.gz", array=noise)
    for channel in range(3):
        np.testing.assert_array_equal(read_nifti(path, channel)[1], noise[..., channel])
    content = bytearray(path.read_bytes())
    content[-400] ^= 1  # noise is stored as it is: this byte is a voxel of the last channel
    path.write_bytes(content)
    with pytest.raises(ValueError, match="CRC check failed") as error:
        read_nifti(path, 0)
    told(error, path, "copy or export it again")


@pytest.mark.parametrize(
    ("rest", "why"),
    [(b"", ""), (b"\0" * 512, ""), (gzip.compress(b""), ""), (gzip.compress(b"xx"), "goes on after"), (b"junk", "")],
    ids=["nothing", "zeros", "an empty member", "more bytes", "junk"],
)
def test_what_stands_behind_the_voxels(tmp_path, rest, why):
    path = nifti(tmp_path / "a.nii.gz")
    path.write_bytes(path.read_bytes() + rest)
    if rest[:2] != b"ju" and not why:  # gzip itself pads with zeros
        np.testing.assert_array_equal(read_nifti(path)[1], positions())
        assert read_nifti_header(path).shape == SHAPE
        return
    for read in (read_nifti, read_nifti_header):
        with pytest.raises(ValueError, match=why) as error:
            read(path)
        told(error, path)


def test_a_bomb_is_decompressed_only_as_far_as_its_header_says(tmp_path):
    """A file that goes on for 4 GB is left after 1 MB; one too short for its header at once."""
    raw = nifti(tmp_path / "a.nii").read_bytes()
    path = tmp_path / "b.nii.gz"
    path.write_bytes(gzip.compress(raw) + gzip.compress(bytes(2**20)) * 4096)
    for read in (read_nifti, read_nifti_header):
        with pytest.raises(ValueError, match="goes on after the 472 bytes") as error:
            read(path)
        told(error, path)
    large = bytearray(raw)
    large[42:48] = np.array([2000, 2000, 2000], "<i2").tobytes()
    path.write_bytes(gzip.compress(large))
    with pytest.raises(ValueError, match="compressed bytes cannot hold 16000000352") as error:
        read_nifti(path)
    told(error, path)


@pytest.mark.parametrize(
    ("stored", "slope", "dtype"),
    [("i2", (1, -1024), "f4"), ("u2", (0.5, 7), "f4"), ("u1", (1, 3e9), "f8"), ("i2", (1e37, 0), "f8")],
)
def test_an_intercept_or_slope_takes_no_digit_of_the_values(tmp_path, stored, slope, dtype):
    path = nifti(tmp_path / "a.nii", array=positions(dtype=stored), slope=slope)
    slope, inter = nib.Nifti1Header(path.read_bytes()[:348], check=False).get_slope_inter()
    voxels = read_nifti(path)[1]
    assert voxels.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(voxels, positions(dtype="f8") * slope + inter)


def test_a_slope_that_makes_infinities_of_finite_voxels(tmp_path):
    path = nifti(tmp_path / "a.nii", array=positions(dtype="f4") * np.float32(1e36), slope=(100, 0))
    with pytest.raises(ValueError, match=r"scl_slope 100 and scl_inter 0 make its values too large") as error:
        read_nifti(path)
    told(error, path)


@pytest.mark.parametrize(("codes", "has_place"), [((1, 0), True), ((0, 1), True), ((0, 0), False)])
@pytest.mark.parametrize(("unit", "assumed"), [("mm", False), ("micron", False), ("unknown", True)])
def test_a_place_is_stated_by_sform_or_qform_and_not_by_the_unit(tmp_path, codes, has_place, unit, assumed):
    info = read_nifti_header(nifti(tmp_path / "a.nii", codes=codes, unit=unit))
    assert (info.has_place, info.assumed_unit) == (has_place, assumed)
