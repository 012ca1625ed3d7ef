"""Headers that contradict themselves or their file's length are refused in one line."""

import gzip
import struct

import nibabel as nib
import numpy as np
import pytest

from scripts.io.nifti import read_nifti, read_nifti_header
from tests.helpers.volume_examples import positions, told

NAN, INF = float("nan"), float("inf")


def one(image_class=nib.Nifti1Image, extensions=b""):
    """The bytes of a whole file, as int16, with these bytes between header and voxels."""
    whole = image_class(positions(dtype="i2"), np.eye(4)).to_bytes()
    if not extensions:
        return bytearray(whole)
    head = bytearray(whole[:352])
    head[348] = 1
    head[108:112] = struct.pack("<f", 352 + len(extensions))
    return head + extensions + whole[352:]


def save(path, content):
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def edited(path, at, form, *values, image_class=nib.Nifti1Image):
    """Save a file whose header has other values from byte `at` on."""
    content = one(image_class)
    struct.pack_into(f"<{form}", content, at, *values)
    return save(path, content)


def refused(path, *words):
    for read in (read_nifti, read_nifti_header):
        with pytest.raises(ValueError, match=r"nii") as error:
            read(path)
        told(error, path, *words)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize(
    ("at", "form", "values", "words"),
    [
        (108, "f", [0], "begin at byte 0 (vox_offset), and the header alone takes 352"),
        (108, "f", [351], "begin at byte 351"),
        (108, "f", [-1], "begin at byte -1"),
        (108, "f", [353], "cut short"),
        (108, "f", [352.5], "no whole number"),
        (108, "f", [NAN], "no whole number"),
        (108, "f", [INF], "no whole number"),
        (108, "f", [1e30], "cut short"),
        (40, "h", [0], "0 axes"),
        (40, "h", [8], "8 axes"),
        (40, "h", [-3], "-3 axes"),
        (42, "h", [-5], "shape (-5, 4, 3)"),
        (42, "h", [0], "shape (0, 4, 3)"),
        (40, "5h", [4, 5, 4, 3, -5], "shape (5, 4, 3, -5)"),
        (46, "h", [2], "goes on after the 432 bytes that its header states for int16 of shape (5, 4, 2)"),
        (46, "h", [4], "cut short, 472 bytes of 512"),
        (42, "3h", [32767, 32767, 32767], "cut short"),
        (70, "2h", [2, 8], "goes on after the 412 bytes"),
        (70, "2h", [16, 32], "cut short"),
        (0, "i", [352], "another length than its 348 bytes (sizeof_hdr)"),
        (72, "h", [8], "8 bits a voxel (bitpix) and the type int16 (datatype)"),
        (70, "h", [999], "data code 999"),
        (112, "2f", [INF, 0], "scl_slope inf"),
        (112, "2f", [1, NAN], "scl_inter nan"),
        (123, "B", [7], "unit of length is 7"),
        (252, "h", [6], "qform_code is 6"),
        (254, "h", [256], "sform_code is 256"),
        (254, "h", [-1], "sform_code is -1"),
        (344, "4s", [b"zzz\0"], "NIfTI"),
    ],
)
def test_what_a_header_may_not_say(tmp_path, suffix, at, form, values, words):
    refused(edited(tmp_path / f"a{suffix}", at, form, *values), words)


@pytest.mark.parametrize(
    ("at", "form", "values", "words"),
    [
        (168, "q", [352], "the header alone takes 544"),
        (16, "4q", [3, -5, 4, 3], "shape (-5, 4, 3)"),
        (16, "4q", [3, 2**40, 2**40, 2**40], "cut short"),
    ],
)
def test_nifti_2_as_well(tmp_path, at, form, values, words):
    for suffix in (".nii", ".nii.gz"):
        refused(edited(tmp_path / f"a{suffix}", at, form, *values, image_class=nib.Nifti2Image), words)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize(
    ("rest", "words"),
    [
        (b"\0", ""),
        (b"\0" * 39, ""),
        (b"\0" * 40, "with the shape that the voxels have"),  # a plane of 5 x 4 int16
        (b"\0" * 5000, "with the shape that the voxels have"),
        (b"\0" * 38 + b"x", "with 39 that are no padding; copy or export it again, or take them off"),
        (b"x", "with 1 that are no padding"),
    ],
)
def test_a_little_padding_behind_the_voxels_is_no_other_shape(tmp_path, suffix, rest, words):
    path = save(tmp_path / f"a{suffix}", one(extensions=extension(32)) + rest)
    if words:
        refused(path, "goes on after the 504 bytes", words)
        return
    assert read_nifti_header(path).shape == (5, 4, 3)
    np.testing.assert_array_equal(read_nifti(path)[1], positions())


def test_padding_behind_several_channels(tmp_path):
    both = np.stack([positions(), positions() + 1], -1)
    content = nib.Nifti1Image(both, np.eye(4)).to_bytes() + bytes(19)
    for suffix in (".nii", ".nii.gz"):
        for channel in (0, 1):
            voxels = read_nifti(save(tmp_path / f"a{suffix}", content), channel)[1]
            np.testing.assert_array_equal(voxels, positions() + channel)


def test_harmless_oddities_are_read(tmp_path):
    for at, form, values in (
        (48, "h", [-5]),  # beyond the number of axes
        (72, "h", [0]),  # no bitpix
        (76, "f", [0]),  # no qfac
        (112, "2f", [NAN, NAN]),  # nibabel's way to leave the slope open
        (123, "B", [0x3A]),  # millimetres, and a unit of time that does not exist
        (348, "B", [1]),  # extensions announced, none there
    ):
        path = edited(tmp_path / "a.nii", at, form, *values)
        np.testing.assert_array_equal(read_nifti(path)[1], positions())
        assert read_nifti_header(path).shape == (5, 4, 3)


def extension(stated, code=6, content=b"x" * 24):
    return struct.pack("<2i", stated, code) + content


@pytest.mark.parametrize("stated", [0, 7, -16, 48, 2**31 - 16])
def test_extensions_end_where_the_voxels_begin(tmp_path, stated):
    for suffix in (".nii", ".nii.gz"):
        path = save(tmp_path / f"a{suffix}", one(extensions=extension(stated)))
        refused(path, f"an extension of its header has {stated} bytes, 32 are there before the voxels")


def test_extensions_of_others_and_a_gap_are_passed_over(tmp_path):
    ours = extension(48, content=b'{"intensity_range": [0, 200]}'.ljust(40, b"\0"))
    path = save(tmp_path / "a.nii", one(extensions=extension(32, 4) + ours + extension(32, 99) + b"\0" * 8))
    info, voxels = read_nifti(path)
    assert info.intensity_range == (0, 200)
    np.testing.assert_array_equal(voxels, positions())


def test_half_of_a_pair(tmp_path):
    content = one()
    content[108:112], content[344:348] = struct.pack("<f", 0), b"ni1\0"
    refused(save(tmp_path / "a.nii", content), "header of a pair", ".img", "nibabel.save")


def test_another_file_compressed(tmp_path):
    refused(save(tmp_path / "a.nii.gz", b"not an image\n"), "holds no NIfTI but text, compressed")
    refused(save(tmp_path / "b.nii.gz", bytes(1000)), "holds no NIfTI but something else, compressed")


def test_a_voxel_size_of_0_counts_only_where_it_is_used(tmp_path):
    content = one()
    struct.pack_into("<4f", content, 76, 1, 1, 0, 1)
    assert read_nifti_header(save(tmp_path / "a.nii", content)).voxel_size == (1, 1, 1)  # the sform's
    struct.pack_into("<2h", content, 252, 1, 0)
    refused(save(tmp_path / "a.nii", content), "its voxel size is 1 × 0 × 1")


def test_an_affine_that_only_seems_to_have_an_inverse(tmp_path):
    rows = np.diag([1e-30, 1e-30, 1e-30, 1])[:3]
    rows[:, 3] = 1e38
    refused(edited(tmp_path / "a.nii", 280, "12f", *rows.ravel()), "no inverse")
