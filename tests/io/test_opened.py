"""Volumes that are read box by box, of every kind of file."""

import pickle
from itertools import product

import numpy as np
import pytest
import tifffile

from scripts.io import open_volume, read_header, read_volume
from scripts.io.opened import MAPPED_CHUNK, StoredVolume
from tests.helpers.volume_examples import SHAPE, imagej, nifti, npy, ome, pages, plain, positions, told, zyx


def big_endian(path):
    return imagej(path, dtype=np.uint16, byteorder=">")


def tiled(path):
    return plain(path, array=zyx(positions()), tile=(16, 16), compression="zlib")


def strips(path):
    return plain(path, array=zyx(positions()), rowsperstrip=3, compression="lzw")


def scaled(path):
    return nifti(path, slope=(2.0, -3.0))


def fortran(path):
    np.save(path, np.asfortranarray(positions(dtype=np.float32)))
    return path


def nrrd(path):
    itk = pytest.importorskip("SimpleITK")
    itk.WriteImage(itk.GetImageFromArray(zyx(positions())), str(path))
    return path


MAKE = {
    **{"a.tif": imagej, "b.tif": big_endian, "c.tif": tiled, "d.tif": strips, "e.tif": pages, "f.ome.tif": ome},
    **{"a.nii": nifti, "b.nii": scaled, "a.nii.gz": nifti, "b.nii.gz": scaled, "a.npy": npy, "b.npy": fortran},
    "a.nrrd": nrrd,
}
BOXES = [((x, x + 2), (0, y), (z, 3)) for x, y, z in product((0, 1, 3), (1, 4), (0, 2))] + [((0, 0), (0, 4), (0, 3))]


@pytest.mark.parametrize("name", MAKE)
def test_a_box_is_cut_out_of_the_whole(tmp_path, name):
    path = MAKE[name](tmp_path / name)
    header, whole = read_volume(path)
    with open_volume(str(path)) as volume:
        assert (volume.info.shape, volume.info.dtype, volume.info.unit) == (header.shape, header.dtype, header.unit)
        assert len(volume.chunks) == 3
        assert all(1 <= chunk <= side for chunk, side in zip(volume.chunks, SHAPE, strict=True))
        for box in BOXES:
            part = volume.read(box)
            np.testing.assert_array_equal(part, whole[tuple(slice(*bounds) for bounds in box)])
            assert part.dtype == whole.dtype
            assert part.dtype.isnative
            assert part.flags.writeable
        again = pickle.loads(pickle.dumps(volume))
        np.testing.assert_array_equal(again.read(tuple((0, side) for side in SHAPE)), whole)
        again.close()
        assert not list(tmp_path.glob(".part*"))


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif", "one_page.tif", "colours.tif", "a.nii", "a.nii.gz", "a.npy"])
def test_a_channel_is_read_alone(tmp_path, name):
    from .test_memory import four

    path = four(tmp_path / name)
    with open_volume(path, 2) as volume:
        assert volume.info.channel == 2
        np.testing.assert_array_equal(volume.read(((1, 4), (2, 3), (0, 3))), (positions() + 2)[1:4, 2:3])
    with pytest.raises(ValueError, match="--channel"):
        open_volume(path)


@pytest.mark.parametrize("box", [((0, 6), (0, 4), (0, 3)), ((-1, 2), (0, 4), (0, 3)), ((3, 2), (0, 4), (0, 3))])
def test_a_box_outside_is_an_error(tmp_path, box):
    with open_volume(npy(tmp_path / "a.npy")) as volume, pytest.raises(IndexError, match="is not inside"):
        volume.read(box)


@pytest.mark.parametrize("name", ["a.npy", "a.nii", "a.nii.gz", "a.tif"])
def test_what_is_not_finite_is_told_where_it_is_read(tmp_path, name):
    array = positions(dtype="f4")
    array[3, 1, 2] = np.nan
    path = tmp_path / name
    if name == "a.npy":
        np.save(path, array)
    else:
        (plain if name == "a.tif" else nifti)(path, array=zyx(array) if name == "a.tif" else array)
    with open_volume(path) as volume:
        assert volume.read(((0, 3), (0, 4), (0, 3))).shape == (3, 4, 3)
        with pytest.raises(ValueError, match="NaN") as error:
            volume.read(((2, 5), (1, 4), (2, 3)))
    told(error, path, "1 voxels of 2:5,1:4,2:3", "x=3, y=1, z=2")


@pytest.mark.parametrize("level", [1, -1])
def test_a_file_of_one_resolution_has_no_other_level(tmp_path, level):
    for path in (npy(tmp_path / "a.npy"), imagej(tmp_path / "a.tif")):
        for read in (read_header, read_volume, open_volume):
            with pytest.raises(ValueError, match=f"level {level} does not exist") as error:
                read(path, None, level)
            told(error, path, "holds 1 resolution;", "leave --level out")


@pytest.mark.parametrize("level", ["1", 1.0, True])
def test_a_level_is_a_whole_number(tmp_path, level):
    with pytest.raises(ValueError, match="whole number") as error:
        open_volume(npy(tmp_path / "a.npy"), level=level)
    told(error, tmp_path / "a.npy")


def test_a_mapped_chunk_runs_along_what_lies_in_a_row(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((3, 500, 400), np.uint8))  # (X, Y, Z), Z fastest
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3, 500, 400), np.uint16), photometric="minisblack")
    with open_volume(tmp_path / "a.npy") as volume:
        assert volume.chunks == (1, MAPPED_CHUNK // 400, 400)
    with open_volume(tmp_path / "a.tif") as volume:
        assert volume.chunks == (400, MAPPED_CHUNK // 800, 1)


def test_a_failing_chunk_is_found(tmp_path):
    class Failing(np.ndarray):
        chunks = (2, 2, 2)

        def __getitem__(self, index):
            if all(part.start <= at < part.stop for part, at in zip(index, (1, 2, 2), strict=True)):
                raise RuntimeError("a checksum differs")
            return np.asarray(self)[index]

    with open_volume(npy(tmp_path / "a.npy")) as volume:
        stored = positions().view(Failing)
        failing = StoredVolume(volume.info, stored, volume._axes, (open_volume, ()))
    np.testing.assert_array_equal(failing.read(((2, 5), (0, 4), (0, 3))), positions()[2:])
    with pytest.raises(ValueError, match="a checksum differs") as error:
        failing.read(((0, 5), (0, 4), (0, 3)))
    told(error, tmp_path / "a.npy", "its chunk 0.1.1 cannot be read")
