import gzip
import os

import nibabel as nib
import numpy as np
import pytest
import tifffile

from scripts.core import files
from scripts.io import VolumeReader, read_header, read_volume, write_streamed, write_volume
from tests.helpers.volume_examples import SHAPE, imagej, nifti, ome, plain, positions, told

SUFFIXES = (".tif", ".ome.tif", ".TIFF", ".nii", ".nii.gz", ".npy")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4", "?"])
def test_from_nothing_and_back(tmp_path, suffix, dtype):
    path = write_volume(tmp_path / "new" / f"a{suffix}", positions(dtype=dtype))
    info, voxels = read_volume(path)
    np.testing.assert_array_equal(voxels, positions(dtype=dtype))
    assert info.unit == ""
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("suffix", [s for s in SUFFIXES if s != ".npy"])
def test_voxel_size_provenance_and_range(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    said = {"weights": {"sha256": "ab"}, "version": "1.0"}
    write_volume(path, positions(), voxel_size=(1, 2, 5), unit="um", provenance=said, intensity_range=(0, 160))
    info = read_header(path)
    assert (info.unit, info.provenance, info.intensity_range) == ("µm", said, (0.0, 160.0))
    np.testing.assert_allclose(info.voxel_size, [1e-3, 2e-3, 5e-3], rtol=1e-6)
    _, meta = VolumeReader().get_data([path])
    assert meta["intensity_range"].tolist() == [0, 160]


def test_like_metadata_or_header_is_the_same(tmp_path):
    path = nifti(tmp_path / "a.nii.gz")
    _, meta = VolumeReader().get_data([path])
    write_volume(tmp_path / "b.nii.gz", positions(), meta)
    write_volume(tmp_path / "c.nii.gz", positions(), read_header(path))
    assert (tmp_path / "b.nii.gz").read_bytes() == (tmp_path / "c.nii.gz").read_bytes()
    assert np.array_equal(nib.load(tmp_path / "b.nii.gz").affine, nib.load(path).affine)


def test_rounding_of_an_affine_is_undone_and_a_move_is_kept(tmp_path):
    path = nifti(tmp_path / "a.nii.gz")
    info = read_header(path)
    write_volume(tmp_path / "b.nii.gz", positions(), info, affine=info.affine * (1 + 1e-9))
    assert np.array_equal(nib.load(tmp_path / "b.nii.gz").affine, nib.load(path).affine)
    moved = info.affine.copy()
    moved[:3, 3] += 1
    write_volume(tmp_path / "c.nii.gz", positions(), info, affine=moved)
    np.testing.assert_allclose(nib.load(tmp_path / "c.nii.gz").affine, moved, rtol=1e-6)


@pytest.mark.parametrize(("one", "two"), [("a.tif", "b.nii.gz"), ("a.ome.tif", "b.nii"), ("a.nii.gz", "b.tif")])
def test_from_one_kind_to_another_the_voxel_size_goes_along(tmp_path, one, two):
    make = {"a.tif": imagej, "a.ome.tif": ome}.get(one)
    path = make(tmp_path / one) if make else nifti(tmp_path / one, affine=np.diag([0.5, 0.5, 2, 1]), unit="micron")
    info = read_header(path)
    write_volume(tmp_path / two, positions(), info)
    after = read_header(tmp_path / two)
    assert after.unit == info.unit
    np.testing.assert_allclose(after.voxel_size, info.voxel_size, rtol=1e-6)


@pytest.mark.parametrize(
    ("array", "kwargs", "word"),
    [
        (positions(dtype="f8"), {}, "float64"),
        (positions(dtype="i8"), {}, "int64"),
        (positions()[0], {}, "shape"),
        (positions()[:0], {}, "none of them 0"),
        (np.full((5, 4, 3), np.nan, "f4"), {}, "NaN"),
        (positions(), {"voxel_size": (1, 2, 3)}, "go together"),
        (positions(), {"unit": "um"}, "go together"),
        (positions(), {"voxel_size": (1, 2, 3), "unit": "pixel"}, "go together"),
        (positions(), {"voxel_size": (1, 2), "unit": "um"}, "three positive"),
        (positions(), {"voxel_size": (1, 2, 0), "unit": "um"}, "three positive"),
        (positions(), {"provenance": {"a": object()}}, "JSON serializable"),
        (positions(), {"intensity_range": (2, 1)}, "lowest first"),
        (positions(), {"like": {}}, "VolumeReader"),
    ],
)
def test_what_cannot_be_written_is_told(tmp_path, array, kwargs, word):
    with pytest.raises(ValueError, match=r"a\.tif") as error:
        write_volume(tmp_path / "a.tif", array, **kwargs)
    told(error, tmp_path / "a.tif", word)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("raised", [OSError(28, "No space left"), ValueError("two\nlines"), KeyboardInterrupt()])
@pytest.mark.parametrize("suffix", [".tif", ".nii.gz", ".npy"])
def test_a_failure_leaves_nothing_and_keeps_the_old_file(tmp_path, monkeypatch, suffix, raised):
    path = write_volume(tmp_path / f"a{suffix}", positions())
    old = path.read_bytes()

    def fail(*_):
        raise raised

    monkeypatch.setattr(files, "_flush", fail)  # after the bytes, before the name
    with pytest.raises(type(raised)) as error:
        write_volume(path, positions() * 0)
    if not isinstance(raised, KeyboardInterrupt):
        told(error, path, "cannot be written")
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == [path.name]


def test_the_unfinished_file_is_hidden_and_has_the_same_suffix(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(files, "_flush", seen.append)
    write_volume(tmp_path / "a.ome.tif", positions())
    assert seen[0].parent == tmp_path
    assert seen[0].name.startswith(".")
    assert seen[0].name.endswith("a.ome.tif")


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="cannot be written") as error:
        write_volume(tmp_path / "file" / "a.tif", positions())
    told(error, tmp_path / "file", "choose another folder")


def test_a_block_of_a_tiff_keeps_its_very_numbers(tmp_path):
    info = read_header(imagej(tmp_path / "a.tif"))
    moved = info.affine.copy()
    moved[:3, 3] += 1
    write_volume(tmp_path / "b.tif", positions()[1:], info, affine=moved, intensity_range=(1, 125))
    after = read_header(tmp_path / "b.tif")
    assert after.source == info.source
    assert after.intensity_range == (1, 125)


def test_large_grids_get_nifti_2(tmp_path):
    path = write_volume(tmp_path / "a.nii", np.zeros((40000, 2, 2), "u1"))
    assert isinstance(nib.load(path), nib.Nifti2Image)
    write_volume(tmp_path / "b.nii", np.zeros((40000, 2, 2), "u1"), read_header(path))
    assert isinstance(nib.load(tmp_path / "b.nii"), nib.Nifti2Image)


def test_imagej_and_plain_stay_apart(tmp_path):
    for make, is_imagej in ((imagej, True), (plain, False)):
        write_volume(tmp_path / "b.tif", positions(), read_header(make(tmp_path / "a.tif")))
        with tifffile.TiffFile(tmp_path / "b.tif") as tif:
            assert tif.is_imagej == is_imagej


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif", "a.nii", "a.nii.gz", "a.npy", "a.ome.zarr", "a.zarr"])
def test_several_channels_are_streamed(tmp_path, monkeypatch, name):
    monkeypatch.setattr("scripts.io.volume.SLAB", 2 * 2 * 20 * 4 + 1)
    array = np.stack([positions(dtype="f4"), -positions(dtype="f4")])
    source = write_volume(tmp_path / f"source{name[1:]}", array[0], voxel_size=(1, 2, 3), unit="µm")
    info = read_header(source)
    streamed = write_streamed(tmp_path / f"streamed{name[1:]}", asked(array), array.shape, "f4", info)
    once = write_volume(tmp_path / f"once{name[1:]}", array, info)
    for channel in range(2):
        there, voxels = read_volume(streamed, channel)
        np.testing.assert_array_equal(voxels, array[channel])
        assert there.axes == read_header(once, channel).axes


def asked(array, seen=None):
    """Return what `write_streamed` asks for voxels, noting the boxes."""

    def read(box):
        if seen is not None:
            seen.append(box)
        return array[(..., *(slice(*bounds) for bounds in box))]

    return read


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif", "b.tif", "a.nii", "a.nii.gz", "a.npy", "a.nrrd"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_what_is_streamed_is_what_is_written_at_once(tmp_path, monkeypatch, name, dtype):
    """In slabs of two planes; with the source's byte order, orientation, compression and metadata."""
    if name == "a.nrrd":
        pytest.importorskip("SimpleITK")
    monkeypatch.setattr("scripts.io.volume.SLAB", 2 * 20 * np.dtype(dtype).itemsize + 1)
    array = positions(dtype=dtype)
    if name == "b.tif":
        mirrored = [(274, "H", 1, 3, False)]
        source = imagej(tmp_path / "source.tif", byteorder=">", compression="zlib", extratags=mirrored)
    elif name.startswith("a.nii"):
        source = nifti(tmp_path / f"source{name[1:]}", endianness=">")
    else:
        source = write_volume(tmp_path / f"source{name[1:]}", array, voxel_size=(1, 2, 3), unit="µm")
    info, kept, seen = read_header(source), {"provenance": {"by": "a test"}}, []
    kept |= {"intensity_range": (0, 9)} if name != "a.npy" else {}
    streamed = write_streamed(tmp_path / f"streamed{name[1:]}", asked(array, seen), SHAPE, dtype, info, **kept)
    once = write_volume(tmp_path / f"once{name[1:]}", array, info, **kept)
    there, voxels = read_volume(streamed)
    np.testing.assert_array_equal(voxels, array)
    assert seen == [((0, 5), (0, 4), (0, 3))] if name == "a.nrrd" else [box[2] for box in seen] == [(0, 2), (2, 3)]
    expected = read_header(once)
    assert (there.kind, there.dtype, there.unit) == (expected.kind, expected.dtype, expected.unit)
    assert (there.provenance, there.intensity_range) == (expected.provenance, expected.intensity_range)
    np.testing.assert_array_equal(there.affine, expected.affine)
    if name.endswith(".tif"):
        with tifffile.TiffFile(streamed) as one, tifffile.TiffFile(once) as other:
            assert (one.byteorder, one.is_imagej, one.is_ome) == (other.byteorder, other.is_imagej, other.is_ome)
            assert one.pages[0].compression == other.pages[0].compression
            assert one.pages[0].tags.get(274) == other.pages[0].tags.get(274) or one.pages[0].tags[274].value == 3
    if name == "a.nii":
        assert streamed.read_bytes() == once.read_bytes()
    if name == "a.nii.gz":
        assert gzip.decompress(streamed.read_bytes()) == gzip.decompress(once.read_bytes())


@pytest.mark.parametrize(
    ("voxels", "word"),
    [
        (np.zeros((5, 4, 2), np.float32), "shape"),
        (np.zeros(SHAPE, np.float64), "float64"),
        (np.full(SHAPE, np.nan, np.float32), "NaN"),
    ],
)
@pytest.mark.parametrize("name", ["a.tif", "a.nii.gz", "a.npy", "a.ome.zarr"])
def test_wrong_slabs_leave_nothing(tmp_path, voxels, word, name):
    with pytest.raises(ValueError, match=word) as error:
        write_streamed(tmp_path / name, lambda box: voxels, SHAPE, np.float32)
    told(error, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_mask_of_truth_values_is_streamed_as_numbers(tmp_path):
    path = write_streamed(tmp_path / "a.tif", asked(positions() > 50), SHAPE, bool)
    np.testing.assert_array_equal(read_volume(path)[1], (positions() > 50).astype(np.uint8))


def test_streaming_beyond_4_gib_takes_a_big_tiff(tmp_path, monkeypatch):
    monkeypatch.setattr("scripts.io.tiff.writer.MAX_CLASSIC", 59)
    for name in ("a.tif", "a.ome.tif"):
        path = write_streamed(tmp_path / name, asked(positions()), SHAPE, np.uint8)
        with tifffile.TiffFile(path) as tif:
            assert tif.is_bigtiff
        np.testing.assert_array_equal(read_volume(path)[1], positions())
